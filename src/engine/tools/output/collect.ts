import { StringDecoder } from 'node:string_decoder'
import { messageOf } from '../../../core/errors.ts'
import { head, printable } from '../../../core/text.ts'
import { keepOutput, type KeptOutput } from './kept.ts'
import { headLines, joined, tailLines, type Shortened } from './shorten.ts'

export interface Collected {
  /** For the model: at most `max` units plus a note on what was left out, without control characters. */
  readonly text: string
  readonly fullOutput: string | null
}

/**
 * Collects a byte stream of any length in bounded memory: its beginning and its end. The complete output goes to a file once it
 * is too long.
 */
export interface Collector {
  add(chunk: Uint8Array): void
  /** Ends the collection; nothing may be added afterwards. */
  finish(): Collected
}

/** `max`: UTF-16 units that the model sees. `name`: part of the file's name, usually the tool. */
export function collect(store: string, name: string, max: number): Collector {
  const decoder = new StringDecoder('utf8')
  const half = Math.floor(max / 2)
  const early: Uint8Array[] = []
  let bytes = 0
  let length = 0
  let first = ''
  let last = ''
  let kept: KeptOutput | null = null
  let failure: string | null = null

  const take = (text: string): void => {
    length += text.length
    const room = max - first.length
    // Surrogate pairs stay together: a unit that `head` leaves out goes to `last`.
    const begin = last === '' && room > 0 ? head(text, room) : ''
    first += begin
    last += text.slice(begin.length)
    if (last.length > 4 * max) last = last.slice(-2 * max)
  }

  const keep = (chunk: Uint8Array): void => {
    if (failure !== null) return
    early.push(chunk)
    if (bytes <= max) return
    try {
      kept ??= keepOutput(store, name)
      for (const part of early.splice(0)) kept.write(part)
    } catch (error) {
      // A full disk must not end the command: what the model sees is in memory.
      failure = messageOf(error)
      early.length = 0
    }
  }

  return {
    add(chunk) {
      bytes += chunk.length
      keep(chunk)
      take(decoder.write(chunk))
    },
    finish() {
      take(decoder.end())
      const isKept = length > max && failure === null
      if (isKept) kept?.close()
      else kept?.remove()
      if (length <= max) return { text: plain(first + last), fullOutput: null }
      const begin = headLines(first, half)
      const rest = first.slice(begin.length) + last
      const end = tailLines(rest, half)
      const short: Shortened = { head: plain(begin), tail: plain(end), dropped: length - begin.length - end.length }
      const path = isKept ? (kept?.path ?? null) : null
      return { text: joined(short, path) + trouble(kept?.lost ?? 0, failure), fullOutput: path }
    },
  }
}

function trouble(lost: number, failure: string | null): string {
  if (failure !== null) return `\n[the whole output could not be kept: ${failure}]`
  return lost === 0 ? '' : `\n[the file ends ${lost} bytes before the output did]`
}

/**
 * Normalises line ends, so that what a progress bar overwrote stays as lines, and removes colours and other control characters.
 */
function plain(text: string): string {
  return printable(text.replaceAll(/\r\n?/g, '\n'))
}
