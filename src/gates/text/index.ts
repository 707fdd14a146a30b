import type { Runner } from '../commands/runners.ts'
import { cargoScanner, dotnetScanner, goScanner } from './compiled.ts'
import { jestScanner, mochaScanner, nodeTestScanner, vitestScanner } from './javascript.ts'
import { pytestScanner, unittestScanner } from './python.ts'
import { withoutEscapes, type Scan, type Scanner } from './scanner.ts'
import { tapScanner } from './tap.ts'

export type { Scan } from './scanner.ts'

/** Runners that can turn out to have run though the command does not show it (they note their start, see reporters/). */
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

/** Reads text meant for people: only for runners that the command starts, and those that may be found to have started. */
export function textScanners(runners: Iterable<Runner>): {
  line(line: string): void
  end(): ReadonlyMap<Runner, Scan>
} {
  const wanted = new Set<Runner>([...runners, ...LATE])
  const scanners = Object.entries(SCANNERS).flatMap(([name, make]) => (wanted.has(name as Runner) ? [make()] : []))
  return {
    line(line) {
      const plain = withoutEscapes(line)
      for (const scanner of scanners) scanner.line(plain)
    },
    end: () => new Map(scanners.map((scanner) => [scanner.runner, scanner.end()])),
  }
}
