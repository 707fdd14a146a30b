/** Commands of the configuration to what gates run. */
import { parseDuration } from '../core/duration.ts'
import { subjectLine } from '../core/text.ts'
import type { GateSpec } from '../gates/port.ts'
import { DEFAULT_TIMEOUTS } from './timeouts.ts'

/** A command as the file has it, checked. */
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
 * The gates of some commands, in order. A name that was not given is the command's own text, made fit for a trailer and
 * numbered when it is taken.
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

/** `./a/` is `a`, the root itself is null. */
function insideFolder(cwd: string | undefined): string | null {
  const parts = (cwd ?? '').split('/').filter((part) => part !== '' && part !== '.')
  return parts.length === 0 ? null : parts.join('/')
}

/** Milliseconds of a duration that the schema has accepted. */
export function milliseconds(duration: string): number {
  const ms = parseDuration(duration)
  if (ms === null) throw new Error(`not a duration: ${duration}`)
  return ms
}
