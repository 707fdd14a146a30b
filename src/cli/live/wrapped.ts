import { stripVTControlCharacters } from 'node:util'

/** Display width of a character or text, in terminal cells. */
export type WidthOf = (text: string) => number

/**
 * The number of rows that a line takes in a terminal with `now` columns, if it was drawn, cut to fit, with `was` columns. A
 * wide character is not split: if it does not fit at the end of a row, it begins the next.
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

/** The characters that fit into `columns`. If some do not, the last one is an ellipsis. */
function cut(text: string, columns: number, widthOf: WidthOf): string[] {
  const chars = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
  if (widthOf(text) <= columns) return chars
  let left = columns - 1
  const end = chars.findIndex((char) => (left -= widthOf(char)) < 0)
  return [...chars.slice(0, end), '…']
}
