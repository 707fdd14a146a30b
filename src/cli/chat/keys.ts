import { StringDecoder } from 'node:string_decoder'
import { printable } from '../../core/text.ts'

/** Stands for a line feed inside the line that is edited. */
export const BREAK = '\u23ce'

const PASTE_BEGIN = '\u001b[200~'
const PASTE_END = '\u001b[201~'

/** Turns the terminal's bracketed paste on and off. */
export const PASTE_ON = '\u001b[?2004h'
export const PASTE_OFF = '\u001b[?2004l'

/** A part of what came from the terminal. */
export interface Piece {
  readonly text: string
  /** To be put into the line as it is; else keys for the editor. */
  readonly pasted: boolean
}

/**
 * Makes keys ready for a line editor: Alt-Enter, and line feeds of what was pasted, become `BREAK`, so that they do not send the
 * line. Keeps back what may be the beginning of a sequence until it is whole, and a paste until its end.
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
        // A lone escape is a key of its own: only a longer beginning is waited for.
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
    // The two halves of one line end may come apart.
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

/** What was typed, with its line feeds. */
export function typed(line: string): string {
  return line.replaceAll(BREAK, '\n')
}
