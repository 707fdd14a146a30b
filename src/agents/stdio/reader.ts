import type { Line } from '../../process/index.ts'
import type { TurnEvent } from '../port.ts'
import { parseFrame, rawEvent, unknownEvent, type Frame } from './frames.ts'

/** Raw frames of text as it is typed are only a sign of life: at most one in this time is passed on, in ms. */
const TYPED_GAP_MS = 1000

/** What every dialogue of JSON lines does with a line: passes it on as it came, has it read, and keeps what nobody understood. */
export class FrameReader {
  readonly #isTyped: (frame: Frame) => boolean
  #lastTyped = -Infinity
  #unknown = 0

  /** `isTyped`: the frame is a piece of text as it is typed. */
  constructor(isTyped: (frame: Frame) => boolean) {
    this.#isTyped = isTyped
  }

  /** `take` yields what a frame means, and returns whether it is one that is known. */
  *read(line: Line, take: (frame: Frame) => Generator<TurnEvent, boolean>): Generator<TurnEvent> {
    if (line.text.trim() === '') return
    const frame = parseFrame(line)
    if (frame === null || !this.#isTyped(frame)) yield rawEvent(line)
    else if (performance.now() - this.#lastTyped >= TYPED_GAP_MS) {
      this.#lastTyped = performance.now()
      yield rawEvent(line)
    }
    if (frame === null || !(yield* take(frame))) yield unknownEvent(`unknown-${++this.#unknown}`, line.text)
  }
}
