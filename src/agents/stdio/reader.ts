import type { Line } from '../../process/index.ts'
import type { TurnEvent } from '../port.ts'
import { parseFrame, rawEvent, unknownEvent, type Frame } from './frames.ts'

/** Raw frames of streamed text are only a sign of life: at most one is passed on in this time, in ms. */
const TYPED_GAP_MS = 1000

/**
 * Reads lines for every dialogue that speaks JSON lines: passes on the raw line, has the frame read, and keeps what nobody
 * understood.
 */
export class FrameReader {
  readonly #isTyped: (frame: Frame) => boolean
  #lastTyped = -Infinity
  #unknown = 0

  /** `isTyped`: whether a frame is a piece of streamed text. */
  constructor(isTyped: (frame: Frame) => boolean) {
    this.#isTyped = isTyped
  }

  /** `take` yields the events of a frame, and returns whether its type is known. */
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
