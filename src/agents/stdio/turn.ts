import { statSync } from 'node:fs'
import { messageOf } from '../../core/errors.ts'
import {
  endMarked,
  resolveProgram,
  spawnKept,
  type Exit,
  type KeptProcess,
  type Line,
  type ProcessSpec,
} from '../../process/index.ts'
import type { TurnEnd, TurnError, TurnErrorCode, TurnEvent, TurnRequest } from '../port.ts'
import { TURN_OUTPUT_BYTES, boundedOutput } from './bounded.ts'
import { unknownEvent } from './frames.ts'
import { Mailbox, interleave } from './interleave.ts'

/** How often it is looked whether an interrupted conversation is written down, in ms. */
const SETTLE_LOOK_MS = 25

/** How a program ended, as far as the meaning of its output depends on it. */
export interface Ending {
  readonly exit: Exit
  /** Belay ended it, because its answer was there and it did not go by itself. */
  readonly lingered: boolean
  readonly stderrTail: string
}

/** One turn of an agent that is spoken to by lines on stdin and stdout. Made for one turn, then thrown away. */
export interface Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin: Exclude<ProcessSpec['stdin'], 'none'>
  /** A server: it does not leave by itself, and is ended with its answer. */
  readonly staysAfterAnswer?: boolean
  /**
   * Called once when the program runs; `send` writes one frame to stdin (`open` only), `post` tells an event that comes from
   * elsewhere than a line (the answer to an approval); null only has `answered` looked at again.
   */
  begin?(send: (frame: unknown) => void, post: (event: TurnEvent | null) => void): void
  /** What one line of stdout means. */
  read(line: Line): Iterable<TurnEvent>
  /** The answer (or a final error) is in: stdin is ended, and what has not ended after the grace is killed. */
  answered(): boolean
  /**
   * Whether what was said is written down, so that the conversation can be gone on with: asked again and again once an interrupt
   * was answered, until the grace is over. Absent: it is.
   */
  settled?(): boolean
  /** Hands the agent a message in the middle of the turn; absent: it takes none. */
  steer?(text: string): void
  /** Asks the agent to stop; absent: it cannot be asked. */
  interrupt?(): void
  /** The conversation is over, however it ended: nothing is sent any more. May be called more than once. */
  close?(): void
  /** Last events before the end, e.g. usage whose cost will never be known. */
  rest?(): Iterable<TurnEvent>
  /** The verdict once program and output have ended (not asked when the turn was aborted). */
  finish(ending: Ending): TurnEnd
}

export function failed(code: TurnErrorCode, message: string, more: Partial<TurnError> = {}): TurnEnd {
  return { status: 'failed', error: { code, message, retryAt: null, stderrTail: '', ...more } }
}

/**
 * Runs one dialogue under a keeper, by the rules of the port: exactly one `end`, last, after the group has ended; abort
 * interrupts, then kills after `graceMs`; output is bounded; it never throws. When the consumer stops early, the group is
 * killed.
 */
export async function* runDialogue(
  request: TurnRequest,
  dialogue: Dialogue,
  outputLimit = TURN_OUTPUT_BYTES,
): AsyncGenerator<TurnEvent> {
  if (request.signal.aborted) {
    yield { type: 'end', end: { status: 'interrupted' } }
    return
  }
  if (!statSync(request.cwd, { throwIfNoEntry: false })?.isDirectory()) {
    yield { type: 'end', end: failed('spawn', `the workspace ${request.cwd} is not there`) }
    return
  }
  const [program = '', ...args] = dialogue.argv
  const path = resolveProgram(program, request.cwd, dialogue.env.PATH)
  if (path === null) {
    yield {
      type: 'end',
      end: failed('spawn', `the program ${JSON.stringify(program)} was not found or may not be run`),
    }
    return
  }
  let end: TurnEnd
  try {
    end = yield* converse(request, dialogue, [path, ...args], outputLimit)
  } catch (error) {
    end = failed('protocol', `the agent's turn broke: ${messageOf(error)}`)
  }
  yield { type: 'end', end }
}

async function* converse(
  request: TurnRequest,
  dialogue: Dialogue,
  argv: readonly string[],
  outputLimit: number,
): AsyncGenerator<TurnEvent, TurnEnd> {
  const { cwd, mark, signal, graceMs } = request
  const start = request.spawn ?? ((spec: ProcessSpec) => Promise.resolve(spawnKept(spec)))
  let kept: KeptProcess
  try {
    kept = await start({ argv, cwd, env: dialogue.env, stdin: dialogue.stdin, mark })
  } catch (error) {
    return failed('spawn', `the program could not be started: ${messageOf(error)}`)
  }
  const { stdin } = kept
  const output = boundedOutput(kept, outputLimit)
  const timers: NodeJS.Timeout[] = []
  const endIn = (ms: number, before?: () => void): void => {
    timers.push(
      setTimeout(() => {
        before?.()
        void kept.end()
      }, ms),
    )
  }
  let begun = false
  let closed = false
  let lingered = false
  let answered = false
  const onAnswer = (): void => {
    if (answered || !dialogue.answered()) return
    answered = true
    leave()
  }
  const leave = (): void => {
    if (signal.aborted && dialogue.settled?.() === false) {
      timers.push(setTimeout(leave, SETTLE_LOOK_MS))
      return
    }
    stdin?.end()
    if (dialogue.staysAfterAnswer === true) {
      lingered = true
      void kept.end()
    } else endIn(graceMs, () => (lingered = true))
  }
  const onAbort = (): void => {
    if (begun && dialogue.interrupt && !answered) {
      dialogue.interrupt()
      endIn(graceMs)
    } else void kept.end()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort() // while it was being started
  const mailbox = new Mailbox<TurnEvent | null>()
  try {
    yield { type: 'process', identity: kept.identity }
    // Whoever was told of the process may have aborted: then the agent is asked nothing.
    if (!signal.aborted) {
      begun = true
      dialogue.begin?.(
        (frame) => {
          if (stdin?.writable) stdin.write(`${JSON.stringify(frame)}\n`)
        },
        (event) => mailbox.post(event),
      )
    }
    if (begun && request.steer && dialogue.steer) {
      void steerWith(request.steer, dialogue, () => answered || closed).catch((error: unknown) => {
        mailbox.post(unknownEvent('steer-broken', `the messages for the agent broke off: ${messageOf(error)}`))
      })
    }
    for await (const entry of interleave(output.lines, mailbox)) {
      if ('read' in entry) yield* dialogue.read(entry.read)
      else if (entry.posted !== null) yield entry.posted
      onAnswer()
    }
    const exit = await kept.closed.finally(() => (closed = true))
    dialogue.close?.()
    yield* mailbox.take().filter((event) => event !== null)
    yield* dialogue.rest?.() ?? []
    if (signal.aborted) return { status: 'interrupted' }
    if (output.overflowed()) {
      return failed(
        'failed',
        `output_limit: the agent wrote more than ${outputLimit} bytes in one turn and was ended`,
        {
          stderrTail: output.stderrTail(),
        },
      )
    }
    return dialogue.finish({ exit, lingered, stderrTail: output.stderrTail() })
  } finally {
    for (const timer of timers) clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    dialogue.close?.()
    // Not after it is gone: its number may belong to others by then.
    try {
      if (!closed) await kept.end()
    } finally {
      // What was killed may still be dying, and a daemon may have left the group: the end comes after all of them.
      await endMarked(mark)
    }
  }
}

/** Hands messages on until the turn is over. One that is taken from the source when it is over has no reader any more. */
async function steerWith(
  messages: AsyncIterable<string>,
  dialogue: Pick<Dialogue, 'steer'>,
  over: () => boolean,
): Promise<void> {
  for await (const text of messages) {
    if (over()) return
    dialogue.steer?.(text)
  }
}

/** `exit code 3`, `SIGKILL`, for messages. */
export function describeExit({ code, signal }: Exit): string {
  return signal ?? `exit code ${code ?? 'unknown'}`
}
