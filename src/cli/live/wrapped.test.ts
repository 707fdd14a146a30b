import widthOf from 'string-width'
import { expect, it } from 'vitest'
import { rowsOf } from './wrapped.ts'

it.each([
  ['', 80, 10, 1],
  ['1234567890', 80, 10, 1],
  ['12345678901', 80, 10, 2],
  ['\u001b[1m1234567890\u001b[22m', 80, 10, 1],
  // It was cut to eleven cells when it was drawn.
  ['1234567890'.repeat(5), 11, 10, 2],
  // Five wide characters in rows of three cells: one per row.
  ['日本語日本', 80, 3, 5],
  ['日本語日本', 80, 10, 1],
  ['a日本語日本', 80, 10, 2],
])('%j drawn at %i columns takes %i columns %i rows', (line, was, now, rows) => {
  expect(rowsOf(line, was, now, widthOf)).toBe(rows)
})
