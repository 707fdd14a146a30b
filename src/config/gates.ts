/** Turns the configured commands into gates. */
import { parseDuration } from '../core/duration.ts'
import { subjectLine } from '../core/text.ts'
import type { GateSpec } from '../gates/port.ts'
import { DEFAULT_TIMEOUTS } from './timeouts.ts'

/** A command as in the file, checked. */
export type CommandInput =
  | string
  | {
      readonly run: string | readonly string[]
      readonly name?: string | undefined
      readonly timeout: string
      readonly cwd?: string | undefined
      readonly min_tests?: number | undefined
    }

const NAME_LENGTH = 60

/**
 * The gates for some commands, in order. A command without a name is named after its own text, made fit for a commit trailer
 * and numbered if the name is taken.
 */
export function resolveGates(commands: readonly CommandInput[]): readonly GateSpec[] {
  const taken = new Set(
    commands.flatMap((command) => (typeof command === 'object' && command.name ? [command.name] : [])),
  )
  return commands.map((command, i) => {
    const given = typeof command === 'string' ? { run: command, timeout: DEFAULT_TIMEOUTS.command } : command
    const name = given.name ?? free(derivedName(given.run, given.cwd, i), taken)
    taken.add(name)
    return {
      name,
      run: given.run,
      timeoutMs: milliseconds(given.timeout),
      minTests: given.min_tests ?? null,
      cwd: insideFolder(given.cwd),
    }
  })
}

function derivedName(run: string | readonly string[], cwd: string | undefined, index: number): string {
  const text = typeof run === 'string' ? run : run.join(' ')
  const folder = insideFolder(cwd)
  const safe = (folder === null ? text : `${folder}: ${text}`).replace(/[;=\p{Cc}\s]+/gu, ' ').trim()
  const name = subjectLine(safe, NAME_LENGTH)
  return name === '' ? `gate ${index + 1}` : name
}

function free(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  for (let n = 2; ; n++) {
    const numbered = `${subjectLine(name, NAME_LENGTH - 4)} ${n}`
    if (!taken.has(numbered)) return numbered
  }
}

/** Normalizes a folder: `./a/` becomes `a`, the root itself null. */
function insideFolder(cwd: string | undefined): string | null {
  const parts = (cwd ?? '').split('/').filter((part) => part !== '' && part !== '.')
  return parts.length === 0 ? null : parts.join('/')
}

/** A duration that the schema has accepted, in ms. */
export function milliseconds(duration: string): number {
  const ms = parseDuration(duration)
  if (ms === null) throw new Error(`not a duration: ${duration}`)
  return ms
}
