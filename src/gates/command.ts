import { stat } from 'node:fs/promises'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { resolveProgram, spawnKept, type Exit, type KeptProcess, type ProcessSpec } from '../process/index.ts'
import { OutputCapture, type KeptOutput } from './output.ts'

/** Output beyond this ends a command: nobody reads it, and something is wrong. */
export const OUTPUT_LIMIT_BYTES = 1024 ** 3

export interface CommandSpec {
  /** Program and arguments; see `shellArgv` for commands that are text. */
  readonly argv: readonly string[]
  /** Absolute path of an existing folder. */
  readonly cwd: string
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** See process/leftovers.ts. */
  readonly mark: string
  /** Abort ends the whole group at once. */
  readonly signal: AbortSignal
  /** Starts it, in its sandbox where there is one (default: `spawnKept`). Its programs are then the sandbox's to find. */
  readonly spawn?: ((spec: ProcessSpec) => Promise<KeptProcess>) | undefined
  /** Bytes of output after which the command is ended (default OUTPUT_LIMIT_BYTES). */
  readonly outputLimit?: number
  /** Every line of output (cut when very long), stdout and stderr in the order in which they were written. */
  readonly onLine?: (line: string) => void
}

/** Makes stdout and stderr one pipe before the program starts, so that their order is kept. */
const IN_ORDER = ['/bin/sh', '-c', 'exec "$@" 2>&1', 'belay-command'] as const

/** What ended a command before it ended by itself. */
export type Cut = 'timeout' | 'abort' | 'output' | null

export interface CommandOutcome extends KeptOutput {
  readonly exit: Exit
  readonly timedOut: boolean
  readonly cut: Cut
  /** The program or the folder does not exist: nothing was started. */
  readonly missing: 'program' | 'folder' | null
  readonly durationMs: number
}

/** The argv of a command: text is run by `/bin/sh -c`, a list as it is. */
export function shellArgv(run: string | readonly string[]): readonly string[] {
  return typeof run === 'string' ? ['/bin/sh', '-c', run] : run
}

/**
 * Runs a command to its end and keeps head and tail of its output (stdin is empty). Never rejects for what the command
 * does: not found, killed, timed out and flooding are outcomes. When it resolves, the command's process group is gone;
 * processes that left the group are the caller's (`endMarked`).
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
  if (spec.signal.aborted) onAbort() // while it was being started
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
  const folder = await stat(spec.cwd).catch(() => null) // not there, or not ours to see: either way nothing runs in it
  if (!folder?.isDirectory()) return 'folder'
  if (spec.spawn !== undefined) return null
  return resolveProgram(spec.argv[0] ?? '', spec.cwd, spec.env['PATH']) === null ? 'program' : null
}
