import { StringDecoder } from 'node:string_decoder'

/** How many bytes of a command's output are kept, from its beginning and its end. */
export const HEAD_BYTES = 16 * 1024
export const TAIL_BYTES = 48 * 1024

/** The longest line, in characters, that is passed on; the rest of a longer line is dropped. */
const LONGEST_LINE = 16 * 1024

/** How many bytes of an unfinished line of one stream are held back, so that streams are not mixed within a line. */
const LONGEST_HELD = 64 * 1024

export interface KeptOutput {
  /** The first bytes. */
  readonly head: string
  /** The last bytes that are not in `head`; empty: `head` contains everything. */
  readonly tail: string
  /** Total bytes, kept or not. */
  readonly bytes: number
}

/**
 * Merges several byte streams line by line in order of arrival, keeps the beginning and the end, counts the rest and passes
 * every line on. Memory is bounded whatever arrives.
 */
export class OutputCapture {
  readonly #onLine: ((line: string) => void) | null
  readonly #head = Buffer.allocUnsafe(HEAD_BYTES)
  readonly #ring = Buffer.allocUnsafe(TAIL_BYTES)
  readonly #streams = new Set<() => void>()
  #headUsed = 0
  #ringTotal = 0
  #bytes = 0

  constructor(onLine: ((line: string) => void) | null = null) {
    this.#onLine = onLine
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** A writer for another stream of the same output. */
  stream(): (chunk: Buffer) => void {
    let held: Buffer[] = []
    let heldBytes = 0
    const lines = this.#onLine ? splitter(this.#onLine) : null
    const flush = (): void => {
      for (const piece of held) this.#keep(piece)
      held = []
      heldBytes = 0
    }
    this.#streams.add(() => {
      flush()
      lines?.end()
    })
    return (chunk) => {
      this.#bytes += chunk.length
      lines?.write(chunk)
      const lastLineEnd = chunk.lastIndexOf(10)
      if (lastLineEnd >= 0) {
        flush()
        this.#keep(chunk.subarray(0, lastLineEnd + 1))
      }
      const rest = lastLineEnd >= 0 ? chunk.subarray(lastLineEnd + 1) : chunk
      if (rest.length > 0) {
        held.push(rest)
        heldBytes += rest.length
      }
      if (heldBytes > LONGEST_HELD) flush()
    }
  }

  /** Includes unfinished lines and returns what was kept. Call it once, after the streams have ended. */
  finish(): KeptOutput {
    for (const end of this.#streams) end()
    this.#streams.clear()
    const cut = this.#ringTotal > TAIL_BYTES
    const at = this.#ringTotal % TAIL_BYTES
    const tail = cut
      ? Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)])
      : this.#ring.subarray(0, this.#ringTotal)
    return {
      head: wholeCharacters(this.#head.subarray(0, this.#headUsed), false, this.#ringTotal > 0).toString('utf8'),
      tail: wholeCharacters(tail, this.#headUsed > 0, false).toString('utf8'),
      bytes: this.#bytes,
    }
  }

  #keep(piece: Buffer): void {
    const toHead = Math.min(HEAD_BYTES - this.#headUsed, piece.length)
    if (toHead > 0) {
      piece.copy(this.#head, this.#headUsed, 0, toHead)
      this.#headUsed += toHead
    }
    const rest = piece.subarray(toHead)
    // Copy only what can still be in the ring at the end.
    const skipped = Math.max(0, rest.length - TAIL_BYTES)
    this.#ringTotal += skipped
    for (let from = skipped; from < rest.length;) {
      const at = this.#ringTotal % TAIL_BYTES
      const n = Math.min(TAIL_BYTES - at, rest.length - from)
      rest.copy(this.#ring, at, from, from + n)
      this.#ringTotal += n
      from += n
    }
  }
}

/** `bytes` without partial UTF-8 characters that a cut left at its beginning or end. */
function wholeCharacters(bytes: Buffer, cutBefore: boolean, cutAfter: boolean): Buffer {
  let start = 0
  let end = bytes.length
  if (cutBefore) while (start < Math.min(3, end) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1
  if (cutAfter) {
    let lead = end - 1
    while (lead > Math.max(start, end - 4) && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead -= 1
    const first = bytes[lead] ?? 0
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
    if (lead + length > end) end = lead
  }
  return bytes.subarray(start, end)
}

/** Splits at LF, drops a CR before it, and cuts lines to `LONGEST_LINE` characters. */
function splitter(onLine: (line: string) => void): { write(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder('utf8')
  let line = ''
  const add = (text: string): void => {
    if (line.length < LONGEST_LINE) line += text.slice(0, LONGEST_LINE - line.length)
  }
  const take = (): void => {
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
    line = ''
  }
  return {
    write(chunk) {
      const text = decoder.write(chunk)
      let start = 0
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', start)) {
        add(text.slice(start, at))
        take()
        start = at + 1
      }
      add(text.slice(start))
    },
    end() {
      add(decoder.end())
      if (line !== '') take()
    },
  }
}
