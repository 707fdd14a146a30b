import { StringDecoder } from 'node:string_decoder'
import { head } from '../../core/text.ts'

export interface LineRange {
  /** The first line to read, counting from 1. */
  readonly from: number
  readonly count: number
  /** The most characters (UTF-16 units) of one line, and of all lines together. */
  readonly maxLine: number
  readonly maxTotal: number
}

export interface LinesRead {
  readonly lines: readonly string[]
  /** Number of lines in the file; null: it was not read to its end. */
  readonly total: number | null
  /** Whether `maxTotal` was reached before `count` lines. */
  readonly full: boolean
}

/**
 * Reads lines from a byte stream in bounded memory. Lines end at LF or CR LF. A line that is too long is cut, with a note on
 * how much is missing. After the last wanted line it reads on for about `lookAhead` bytes, to count all lines of the file.
 */
export async function readLines(
  chunks: AsyncIterable<Buffer>,
  { from, count, maxLine, maxTotal }: LineRange,
  lookAhead: number,
): Promise<LinesRead> {
  const lines: string[] = []
  let decoder = new StringDecoder('utf8')
  let number = 1
  let text = ''
  let dropped = 0
  let size = 0
  let started = false
  let full = false
  let ahead = 0
  const isWanted = (): boolean => !full && number >= from && lines.length < count
  const add = (piece: string): void => {
    const kept = head(piece, Math.max(0, maxLine + 1 - text.length))
    text += kept
    dropped += piece.length - kept.length
  }
  const endLine = (): void => {
    if (isWanted()) {
      add(decoder.end())
      const line = shortLine(text, dropped, maxLine)
      if (size + line.length > maxTotal && lines.length > 0) full = true
      else lines.push(line)
      size += line.length + 1
    }
    decoder = new StringDecoder('utf8')
    text = ''
    dropped = 0
    started = false
    number += 1
  }
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(10, start)
      const stop = end === -1 ? chunk.length : end
      started = true
      if (isWanted()) add(decoder.write(chunk.subarray(start, stop)))
      if (end !== -1) endLine()
      start = stop + 1
    }
    if (full || lines.length >= count) ahead += chunk.length
    if (ahead > lookAhead) return { lines, total: null, full }
  }
  if (started) endLine()
  return { lines, total: number - 1, full }
}

function shortLine(text: string, dropped: number, max: number): string {
  const line = dropped === 0 && text.endsWith('\r') ? text.slice(0, -1) : text
  if (dropped === 0 && line.length <= max) return line
  const kept = head(line, max)
  return `${kept}... [${line.length - kept.length + dropped} more characters]`
}
