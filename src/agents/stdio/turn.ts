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

/** Time between two checks whether an interrupted conversation is stored, in ms. */
const SETTLE_LOOK_MS = 25

/** How a program ended, as far as this affects the meaning of its output. */
export interface Ending {
  readonly exit: Exit
  /** Belay ended the program, because it did not exit after its answer. */
  readonly lingered: boolean
  readonly stderrTail: string
}

/** One turn of an agent that communicates in lines on stdin and stdout. Used for one turn only. */
export interface Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin: Exclude<ProcessSpec['stdin'], 'none'>
  /** The program is a server: it does not exit by itself, and is ended once it has answered. */
  readonly staysAfterAnswer?: boolean
  /**
   * Called once when the program runs. `send` writes one frame to stdin (only if `open`). `post` emits an event that does not
   * come from a line (the answer to an approval); null only has `answered` checked again.
   */
  begin?(send: (frame: unknown) => void, post: (event: TurnEvent | null) => void): void
  /** The events of one line of stdout. */
  read(line: Line): Iterable<TurnEvent>
  /**
   * Whether the answer (or a final error) has arrived. Stdin is then ended, and a program that does not exit within the grace
   * is killed.
   */
  answered(): boolean
  /**
   * Whether the conversation is stored, so that it can be resumed. Checked repeatedly after an interrupt was answered, until
   * the grace is over. Absent: it is stored.
   */
  settled?(): boolean
  /** Sends the agent a message during the turn; absent: it accepts none. */
  steer?(text: string): void
  /** Asks the agent to stop; absent: it cannot be asked. */
  interrupt?(): void
  /** The conversation is over, however it ended: nothing may be sent any more. May be called more than once. */
  close?(): void
  /** Last events before the end, for example usage whose cost will never be known. */
  rest?(): Iterable<TurnEvent>
  /** The result, once the program and its output have ended. Not called if the turn was aborted. */
  finish(ending: Ending): TurnEnd
}

export function failed(code: TurnErrorCode, message: string, more: Partial<TurnError> = {}): TurnEnd {
  return { status: 'failed', error: { code, message, retryAt: null, stderrTail: '', ...more } }
}

/**
 * Runs one dialogue by the rules of the agent port: exactly one `end`, as the last event, after the group has ended. An abort
 * interrupts, then kills after `graceMs`. Output is bounded. Never throws. If the consumer stops early, the group is killed.
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
  const obstacle = obstacleIn(request.cwd)
  if (obstacle !== null) {
    yield { type: 'end', end: failed('spawn', obstacle) }
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

/** Why no program can be started in the workspace `folder`; null: nothing is known. */
function obstacleIn(folder: string): string | null {
  try {
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? null : `the workspace ${folder} is not there`
  } catch (error) {
    return `the workspace cannot be used: ${messageOf(error)}`
  }
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
  if (signal.aborted) onAbort() // aborted during the start
  const mailbox = new Mailbox<TurnEvent | null>()
  try {
    yield { type: 'process', identity: kept.identity }
    // The consumer may have aborted when it saw the process: then the agent gets no prompt.
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
    // Not after the program is gone: its pid may belong to another process by then.
    try {
      if (!closed) await kept.end()
    } finally {
      // Killed processes may still be dying, and a daemon may have left the group: the end comes after all of them.
      await endMarked(mark)
    }
  }
}

/** Passes messages on until the turn is over. A message taken from the source after that is lost. */
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

/** How a program ended, for messages: `exit code 3`, `SIGKILL`. */
export function describeExit({ code, signal }: Exit): string {
  return signal ?? `exit code ${code ?? 'unknown'}`
}
