import { stripVTControlCharacters } from 'node:util'

/** Display width of a character or text in terminal cells. */
export type WidthOf = (text: string) => number

/**
 * The rows that a line takes in a terminal of `now` columns when it was drawn, cut to fit, at `was` columns. A wide character
 * does not part: one that does not fit any more at the end of a row begins the next.
 */
export function rowsOf(line: string, was: number, now: number, widthOf: WidthOf): number {
  let rows = 1
  let column = 0
  for (const char of cut(stripVTControlCharacters(line), was, widthOf)) {
    const width = widthOf(char)
    if (column + width > now) {
      rows += 1
      column = 0
    }
    column += width
  }
  return rows
}

/** The characters that fit into `columns`; the last is an ellipsis when some did not. */
function cut(text: string, columns: number, widthOf: WidthOf): string[] {
  const chars = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
  if (widthOf(text) <= columns) return chars
  let left = columns - 1
  const end = chars.findIndex((char) => (left -= widthOf(char)) < 0)
  return [...chars.slice(0, end), '…']
}
