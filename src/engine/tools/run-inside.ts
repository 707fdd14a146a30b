import { finished } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import { BelayError, messageOf } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { endAll, findWith, thisMoment, type Exit, type KeptProcess } from '../../process/index.ts'
import type { ToolContext } from '../port.ts'

/** Environment variable that marks all processes of one call, so that those which left the process group can be ended too. */
const CALL = 'BELAY_CALL'

/** Longest argument that Linux takes (MAX_ARG_STRLEN is 128 KiB). */
const ARGUMENT_MAX = 120_000

export interface Inside {
  readonly argv: readonly string[]
  /** Absolute host path. */
  readonly cwd: string
  readonly timeoutMs: number
  readonly env?: Readonly<Record<string, string>>
  /** The program's stdin; absent: empty. */
  readonly input?: string
  /** As in `ProcessSpec`. */
  readonly merged?: boolean
  onStdout(chunk: Buffer): void
  onStderr(chunk: Buffer): void
}

export interface Ended {
  readonly exit: Exit
  /** Why Belay ended the program; null: it ended by itself. */
  readonly cut: 'timeout' | 'aborted' | null
}

/**
 * Runs a program in the context's sandbox until it ends, its timeout expires, or the call is aborted. When this resolves, every
 * process that it started has ended. Throws `command_not_started` if the program cannot be started.
 */
export async function runInside(context: ToolContext, inside: Inside): Promise<Ended> {
  const long = inside.argv.find((argument) => Buffer.byteLength(argument) > ARGUMENT_MAX)
  if (long !== undefined) {
    throw new BelayError('command_not_started', `an argument of ${Buffer.byteLength(long)} bytes is too long`, {
      next: `at most ${ARGUMENT_MAX} bytes; write a file with the write tool and use that`,
    })
  }
  if (context.signal.aborted) return { exit: { code: null, signal: null }, cut: 'aborted' }
  const call = randomId(16)
  const before = thisMoment()
  const kept = await start(context, inside, call)
  let cut: Ended['cut'] = null
  const stop = (why: 'timeout' | 'aborted'): void => {
    cut ??= why
    void kept.end()
  }
  const timer = setTimeout(() => stop('timeout'), inside.timeoutMs)
  const onAbort = (): void => stop('aborted')
  context.signal.addEventListener('abort', onAbort, { once: true })
  if (context.signal.aborted) onAbort()
  try {
    kept.stdout.on('data', inside.onStdout)
    kept.stderr.on('data', inside.onStderr)
    const [exit] = await Promise.all([kept.closed, drained(kept.stdout), drained(kept.stderr)])
    return { exit, cut }
  } finally {
    clearTimeout(timer)
    context.signal.removeEventListener('abort', onAbort)
    await endAll(`call ${call}`, () => findWith(CALL, (value) => value === call, before))
  }
}

async function start(
  context: ToolContext,
  { argv, cwd, env, input, merged = false }: Inside,
  call: string,
): Promise<KeptProcess> {
  try {
    const all = { ...context.env, ...env, [CALL]: call }
    const stdin = input === undefined ? 'none' : { text: input }
    return await context.sandbox.spawn({ argv, cwd, env: all, stdin, mark: context.mark, merged })
  } catch (error) {
    throw new BelayError('command_not_started', `the command could not be started: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

async function drained(stream: Readable): Promise<void> {
  try {
    await finished(stream, { writable: false })
  } catch (error) {
    // A stream that is cut off because its process ended counts as complete.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ECONNRESET') throw error
  }
}
