import { stat } from 'node:fs/promises'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { resolveProgram, spawnKept, type Exit, type KeptProcess, type ProcessSpec } from '../process/index.ts'
import { OutputCapture, type KeptOutput } from './output.ts'

/** A command with more output than this is ended: nobody reads it, and something is wrong. */
export const OUTPUT_LIMIT_BYTES = 1024 ** 3

export interface CommandSpec {
  /** Program and arguments; see `shellArgv` for commands that are text. */
  readonly argv: readonly string[]
  /** Absolute path of the working directory. */
  readonly cwd: string
  /** The complete environment. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Mark of the command's processes; see process/leftovers.ts. */
  readonly mark: string
  /** Abort kills the command's process group at once. */
  readonly signal: AbortSignal
  /** Starts the command, for instance inside a sandbox (default: `spawnKept`). It then reports a missing program itself. */
  readonly spawn?: ((spec: ProcessSpec) => Promise<KeptProcess>) | undefined
  /** Bytes of output after which the command is ended (default OUTPUT_LIMIT_BYTES). */
  readonly outputLimit?: number
  /** Receives every line of output (very long lines are cut), stdout and stderr in the order in which they were written. */
  readonly onLine?: (line: string) => void
}

/** Redirects stderr to stdout before the program starts, so that their order is kept. */
const IN_ORDER = ['/bin/sh', '-c', 'exec "$@" 2>&1', 'belay-command'] as const

/** What ended a command before it ended by itself; null: nothing did. */
export type Cut = 'timeout' | 'abort' | 'output' | null

export interface CommandOutcome extends KeptOutput {
  readonly exit: Exit
  readonly timedOut: boolean
  readonly cut: Cut
  /** Nothing was started, because the program or the folder does not exist; null: it was. */
  readonly missing: 'program' | 'folder' | null
  readonly durationMs: number
}

/** The argv of a command: a string is run by `/bin/sh -c`, a list is used as it is. */
export function shellArgv(run: string | readonly string[]): readonly string[] {
  return typeof run === 'string' ? ['/bin/sh', '-c', run] : run
}

/**
 * Runs a command with empty stdin to its end, and keeps the beginning and end of its output. Never rejects because of what the
 * command does: not found, killed, timed out and flooding are outcomes. When this resolves, the command's process group is
 * gone; the caller ends processes that left the group (`endMarked`).
 */
export async function runCommand(spec: CommandSpec): Promise<CommandOutcome> {
  const started = performance.now()
  const missing = await whatIsMissing(spec)
  if (missing !== null || spec.signal.aborted) {
    return {
      exit: { code: missing === 'program' ? 127 : null, signal: null },
      timedOut: false,
      cut: missing === null ? 'abort' : null,
      missing,
      durationMs: Math.round(performance.now() - started),
      head: '',
      tail: '',
      bytes: 0,
    }
  }
  let cut: Cut = null
  const capture = new OutputCapture(spec.onLine ?? null)
  const limit = spec.outputLimit ?? OUTPUT_LIMIT_BYTES
  const start = spec.spawn ?? ((asked: ProcessSpec) => Promise.resolve(spawnKept(asked)))
  const kept = await start({
    argv: [...IN_ORDER, ...spec.argv],
    cwd: spec.cwd,
    env: spec.env,
    stdin: 'none',
    mark: spec.mark,
  })
  const stop = (why: Exclude<Cut, null>): void => {
    cut ??= why
    void kept.end()
  }
  const onAbort = (): void => stop('abort')
  const timer = setTimeout(() => stop('timeout'), spec.timeoutMs)
  spec.signal.addEventListener('abort', onAbort, { once: true })
  if (spec.signal.aborted) onAbort() // aborted while it was being started
  try {
    const drained = [kept.stdout, kept.stderr].map((stream) => {
      const write = capture.stream()
      stream.on('data', (chunk: Buffer) => {
        write(chunk)
        if (capture.bytes > limit && cut === null) stop('output')
      })
      return once(stream, 'close')
    })
    const [exit] = await Promise.all([kept.closed, ...drained])
    return {
      exit,
      timedOut: cut === 'timeout',
      cut,
      missing: null,
      durationMs: Math.round(performance.now() - started),
      ...capture.finish(),
    }
  } finally {
    clearTimeout(timer)
    spec.signal.removeEventListener('abort', onAbort)
  }
}

async function whatIsMissing(spec: CommandSpec): Promise<CommandOutcome['missing']> {
  const folder = await stat(spec.cwd).catch(() => null) // missing, or not readable for us: nothing can run in it
  if (!folder?.isDirectory()) return 'folder'
  if (spec.spawn !== undefined) return null
  return resolveProgram(spec.argv[0] ?? '', spec.cwd, spec.env['PATH']) === null ? 'program' : null
}
