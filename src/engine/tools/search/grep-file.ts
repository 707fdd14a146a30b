import { readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { head, printable, tail } from '../../../core/text.ts'
import { contentKind } from '../content-kind.ts'

export interface GrepLimits {
  readonly until: number
  readonly count: number
  readonly text: number
}

export interface FileMatches {
  /** Matches as `12: text`, lines around them as `13- text`, and `--` between groups that are not adjacent. */
  readonly text: string
  readonly count: number
  readonly binary: boolean
  readonly stopped: 'time' | 'limit' | null
}

const CHUNK = 256 << 10
/** The most of a line that is searched, in UTF-16 units. */
const LINE_MAX = 1 << 20
const SHOWN_MAX = 300
/** Lines between two checks of the time limit. */
const CLOCK_LINES = 256

/** Files are searched one after the other, so one buffer serves all; a buffer per file would cost more than everything else. */
const buffer = Buffer.allocUnsafe(CHUNK)

/**
 * Searches an open file line by line, in bounded memory. `size`: the file's size in bytes when it was opened. `around`: lines
 * shown before and after a match.
 */
export function grepFile(
  { fd, size: whole }: { readonly fd: number; readonly size: number },
  pattern: RegExp,
  around: number,
  limits: GrepLimits,
): FileMatches {
  const decoder = new StringDecoder('utf8')
  const shown: string[] = []
  let size = 0
  let count = 0
  let number = 0
  let lastShown = 0
  let after = 0
  let before: string[] = []
  let rest = ''

  const show = (line: string, mark: string, at: number): void => {
    if (lastShown !== 0 && at > lastShown + 1 && around > 0) shown.push('--')
    const text = `${at}${mark} ${line}`
    shown.push(text)
    size += text.length + 1
    lastShown = at
  }
  const take = (text: string): FileMatches['stopped'] => {
    // Text may have been appended to an unfinished line that was already cut: cut it again.
    const line = head(text, LINE_MAX)
    number += 1
    if (number % CLOCK_LINES === 0 && performance.now() > limits.until) return 'time'
    const match = pattern.exec(line)
    if (match !== null) {
      if (count >= limits.count || size > limits.text) return 'limit'
      for (const [i, earlier] of before.entries()) show(cutLine(earlier, 0), '-', number - before.length + i)
      before = []
      show(cutLine(line, match.index), ':', number)
      count += 1
      after = around
    } else if (after > 0) {
      show(cutLine(line, 0), '-', number)
      after -= 1
    } else if (around > 0) {
      before.push(line.length > SHOWN_MAX ? head(line, SHOWN_MAX + 1) : line)
      if (before.length > around) before.shift()
    }
    return null
  }
  const end = (stopped: FileMatches['stopped'], binary = false): FileMatches => ({
    text: shown.map((line) => `  ${line}`).join('\n'),
    count,
    binary,
    stopped,
  })

  for (let seen = 0; ;) {
    const length = readSync(fd, buffer, 0, CHUNK, null)
    const first = seen === 0
    seen += length
    // Most files fit into one read: a second read, only to learn that nothing is left, would double their cost.
    const last = length === 0 || (length < CHUNK && seen >= whole)
    if (first && contentKind(buffer.subarray(0, Math.min(length, 8192))) !== null) return end(null, true)
    const lines = (rest + decoder.write(buffer.subarray(0, length)) + (last ? decoder.end() : '')).split('\n')
    rest = lines.pop() ?? ''
    // Of a line that is too long, the rest is read but not searched.
    if (rest.length > LINE_MAX) rest = head(rest, LINE_MAX)
    for (const line of lines) {
      const stopped = take(line.endsWith('\r') ? line.slice(0, -1) : line)
      if (stopped !== null) return end(stopped)
    }
    if (last) return end(rest === '' ? null : take(rest))
    if (performance.now() > limits.until) return end('time')
  }
}

/** A line for display. A long one is cut to the part around the match. */
function cutLine(line: string, at: number): string {
  if (line.length <= SHOWN_MAX) return printable(line)
  const lead = at <= SHOWN_MAX / 2 ? 0 : at - SHOWN_MAX / 3
  const from = tail(line, line.length - Math.floor(lead))
  const cut = head(from, SHOWN_MAX)
  return `${lead === 0 ? '' : '...'}${printable(cut)}${cut.length < from.length ? '...' : ''}`
}
