import type { Runner } from '../commands/runners.ts'
import { cargoScanner, dotnetScanner, goScanner } from './compiled.ts'
import { jestScanner, mochaScanner, nodeTestScanner, vitestScanner } from './javascript.ts'
import { pytestScanner, unittestScanner } from './python.ts'
import { withoutEscapes, type Scan, type Scanner } from './scanner.ts'
import { tapScanner } from './tap.ts'

export type { Scan } from './scanner.ts'

/** Runners that may turn out to have run although the command does not show it (they note their start, see reporters/). */
const LATE: readonly Runner[] = ['node:test', 'vitest', 'jest', 'mocha']

const SCANNERS: Readonly<Record<Exclude<Runner, 'junit'>, () => Scanner>> = {
  'node:test': nodeTestScanner,
  vitest: vitestScanner,
  jest: jestScanner,
  mocha: mochaScanner,
  pytest: pytestScanner,
  unittest: unittestScanner,
  go: goScanner,
  cargo: cargoScanner,
  dotnet: dotnetScanner,
  tap: tapScanner,
}

/** Lines after this number are ignored: reading a flood line by line would keep Belay from all other work. */
export const MOST_LINES = 5_000_000

/** Reads text meant for people, but only for runners that the command starts or that may turn out to have started. */
export function textScanners(runners: Iterable<Runner>): {
  line(line: string): void
  end(): ReadonlyMap<Runner, Scan>
} {
  const wanted = new Set<Runner>([...runners, ...LATE])
  const scanners = Object.entries(SCANNERS).flatMap(([name, make]) => (wanted.has(name as Runner) ? [make()] : []))
  let lines = 0
  return {
    line(line) {
      lines += 1
      if (lines > MOST_LINES) return
      const plain = withoutEscapes(line)
      for (const scanner of scanners) scanner.line(plain)
    },
    end: () =>
      new Map(scanners.map((scanner) => [scanner.runner, lines > MOST_LINES ? cut(scanner.end()) : scanner.end()])),
  }
}

/** A scan of output that was not read to its end. */
function cut(scan: Scan): Scan {
  return { ...scan, doubt: `more than ${MOST_LINES} lines of output: they were not all read` }
}
