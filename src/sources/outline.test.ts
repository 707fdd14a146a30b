import { expect, it } from 'vitest'
import { readOutline } from './outline.ts'

const lines = (text: string) =>
  readOutline(text).items.map((item) => `${item.line} ${item.parent?.line ?? '-'} ${item.text}`)

it('nests by column, with tabs and ordered markers', () => {
  const text = '- a\n - b\n  - c\n\t- d\n1. e\n   - f\n\n   - g\n- h\n'
  expect(lines(text)).toEqual(['1 - a', '2 - b', '3 - c', '4 3 d', '5 - e', '6 5 f', '8 5 g', '9 - h'])
})

it('knows front matter from a rule', () => {
  expect(lines('---\ntags:\n  - a\n---\n- b\n')).toEqual(['5 - b'])
  expect(lines('---\n\n- [ ] a\n\n---\n- b\n')).toEqual(['3 - a', '6 - b'])
})

it('ends a list at a heading, a rule and text at the margin', () => {
  for (const end of ['# x', '---', 'text']) expect(lines(`- a\n\n${end}\n\n  - b\n`)).toEqual(['1 - a', '5 - b'])
})

it('keeps fences below an item with it, whatever is in them', () => {
  const { items } = readOutline('- a\n\n  ```md\n- [ ] no\n# no\n  ```\n\n  more\n- b\n')
  expect(items.map(({ text, lastLine }) => ({ text, lastLine }))).toEqual([
    { text: 'a', lastLine: 8 },
    { text: 'b', lastLine: 9 },
  ])
  expect(items[0]?.body).toEqual(['more'])
})

it('closes a fence only with its own kind and length', () => {
  expect(readOutline('````\n```\n- [ ] a\n~~~\n````\n- [ ] b\n').items.map((item) => item.text)).toEqual(['b'])
})

it('takes comments out, over lines too, and keeps what looks like one in code', () => {
  const text = '- a <!-- x\n  - [ ] no -->\n  b\n- `<!--` c <!-- d --> e\n- ``a ` <!--`` f\n'
  const { items, hidden } = readOutline(text)
  expect(items.map((item) => [item.text].concat(item.body as string[]))).toEqual([
    ['a', 'b'],
    ['`<!--` c  e'],
    ['``a ` <!--`` f'],
  ])
  expect(hidden).toEqual([2])
})

it('tells boxes from labels and links', () => {
  const box = (text: string) => readOutline(text).items[0]?.box?.mark
  const marks = ['[ ]', '[]', '[x]', '[X]', '[ x]', '[~]', '[-]', '[\u00a0]', '[✅]'].map((b) => box(`- ${b} t`))
  expect(marks).toEqual([' ', '', 'x', 'X', ' x', '~', '-', '\u00a0', '✅'])
  for (const none of ['[P] t', '[a](b)', '[x](b)', '[1] t', '[US1] t', '[~]: t', 't [ ]'])
    expect(box(`- ${none}`)).toBeUndefined()
})

it.each([
  ['fences', '```js\n', 'code fence'],
  ['fences in a list', '- ~~~\n', 'code fence'],
  ['comments', '<!-- x\n', 'comment'],
  ['comments in a list', '- a <!-- x\n', null],
] as const)('reads a file of nothing but open %s in one go', (_name, line, what) => {
  const { openEnds, lines: all } = readOutline(line.repeat(200_000))
  expect(all).toHaveLength(200_001)
  expect(openEnds.length).toBe(what === null ? 0 : 200_000)
  expect(openEnds.at(-1)).toEqual(what === null ? undefined : { line: 200_000, what })
})

it('looks for the end of a shorter fence after a longer one had none', () => {
  expect(readOutline('`````\n- a\n```\n- [ ] no\n```\n````\n- b\n').items.map((item) => item.text)).toEqual(['a', 'b'])
})
