import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

export interface Line {
  readonly text: string
  /** Number of characters cut from the end because the line exceeded the limit; 0: the line is complete. */
  readonly dropped: number
}

/**
 * Splits a byte stream at LF only: JSON text may contain U+2028, U+2029 and CR, at which other splitters break. A last line
 * without LF is yielded too. Lines longer than `maxLine` characters are cut; the rest is counted but not kept, so memory stays
 * bounded.
 */
export async function* lines(stream: Readable, maxLine = 8 << 20): AsyncGenerator<Line> {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let kept = 0
  let dropped = 0
  const add = (piece: string): void => {
    const room = maxLine - kept
    if (piece.length <= room) {
      parts.push(piece)
      kept += piece.length
    } else {
      parts.push(piece.slice(0, room))
      kept = maxLine
      dropped += piece.length - room
    }
  }
  const take = (): Line => {
    const line = { text: parts.join(''), dropped }
    parts = []
    kept = 0
    dropped = 0
    return line
  }
  for await (const chunk of stream) {
    const text = decoder.write(chunk as Buffer)
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      add(text.slice(start, end))
      yield take()
      start = end + 1
    }
    if (start < text.length) add(text.slice(start))
  }
  add(decoder.end())
  if (kept > 0) yield take()
}
