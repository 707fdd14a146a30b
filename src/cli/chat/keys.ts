import { StringDecoder } from 'node:string_decoder'
import { printable } from '../../core/text.ts'

/** Represents a line feed inside the edited line. */
export const BREAK = '\u23ce'

const PASTE_BEGIN = '\u001b[200~'
const PASTE_END = '\u001b[201~'

/** Turn the terminal's bracketed paste on and off. */
export const PASTE_ON = '\u001b[?2004h'
export const PASTE_OFF = '\u001b[?2004l'

/** A part of the terminal's input. */
export interface Piece {
  readonly text: string
  /** Insert the text into the line unchanged; otherwise it is keys for the editor. */
  readonly pasted: boolean
}

/**
 * Prepares keys for a line editor. Alt-Enter, and line feeds in pasted text, become `BREAK`, so that they do not submit the
 * line. Possible beginnings of a sequence are held back until it is complete, and a paste until its end.
 */
export class Keys {
  readonly #decoder = new StringDecoder('utf8')
  #held = ''
  #pasting = false
  #pasted: string[] = []
  #afterReturn = false

  feed(chunk: Buffer): Piece[] {
    let rest = this.#held + this.#decoder.write(chunk)
    this.#held = ''
    const pieces: Piece[] = []
    const put = (text: string): void => {
      if (this.#pasting) this.#pasted.push(text)
      else if (text !== '') pieces.push({ text, pasted: false })
    }
    while (rest !== '') {
      const mark = this.#pasting ? PASTE_END : PASTE_BEGIN
      const at = rest.indexOf(mark)
      if (at < 0) {
        const keep = beginningOf(rest, mark)
        put(this.#translate(rest.slice(0, rest.length - keep)))
        // A single escape is a key, so only a longer beginning is held back.
        if (keep > 1 || this.#pasting) this.#held = rest.slice(rest.length - keep)
        else put(rest.slice(rest.length - keep))
        break
      }
      put(this.#translate(rest.slice(0, at)))
      if (this.#pasting) pieces.push({ text: this.#pasted.splice(0).join(''), pasted: true })
      this.#pasting = !this.#pasting
      rest = rest.slice(at + mark.length)
    }
    return pieces
  }

  #translate(text: string): string {
    if (!this.#pasting) return text.replaceAll('\u001b\r', BREAK).replaceAll('\u001b\n', BREAK)
    // A CR LF may be split over two chunks.
    const fresh = this.#afterReturn && text.startsWith('\n') ? text.slice(1) : text
    if (text !== '') this.#afterReturn = text.endsWith('\r')
    return printable(fresh.replaceAll(/\r\n|\r|\n/g, BREAK).replaceAll('\t', '    '))
  }
}

/** How many characters at the end of `text` may be the beginning of `mark`. */
function beginningOf(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length
  }
  return 0
}

/** The edited line with its line feeds restored. */
export function typed(line: string): string {
  return line.replaceAll(BREAK, '\n')
}
