import { expect, it } from 'vitest'
import { globToRegExp, hasImpossibleRange } from './glob.ts'

const ALL = ['a', 'b', 'c', 'z', ']', '[', '-', '^', '!', '\\', '/', 'a]', '']

// `git check-ignore` says the same of these.
it.each([
  ['[]a]', ['a', ']']],
  ['[!]a]', ['b', 'c', 'z', '[', '-', '^', '!', '\\']],
  ['[^]a]', ['b', 'c', 'z', '[', '-', '^', '!', '\\']],
  ['[\\]a]', ['a', ']']],
  ['[a\\-c]', ['a', 'c', '-']],
  ['[a-\\c]', ['a', 'b', 'c']],
  ['[]-a]', ['a', ']', '^']],
  ['[a-]', ['a', '-']],
  ['[a-b-z]', ['a', 'b', 'z', '-']],
  ['[z-a]', ['z']],
  ['[z-ab]', ['b', 'z']],
  ['[!z-a]', ['a', 'b', 'c', ']', '[', '-', '^', '!', '\\']],
])('%s matches what git matches', (pattern, names) => {
  expect(ALL.filter((name) => globToRegExp(pattern).test(name))).toEqual(names)
})

it.each([
  ['[', '['],
  ['[]', '[]'],
  ['[!', '[!'],
  ['[!]', '[!]'],
  ['x[a', 'x[a'],
  ['[a-', '[a-'],
  ['[\\]', '[]'],
  ['{', '{'],
  ['{{a,b}', '{b'],
  ['{[}]', '{}'],
  ['{a\\}', '{a}'],
  ['{a,b', '{a,b'],
  ['a}', 'a}'],
])('%s is not closed, so it matches %s', (pattern, path) => {
  expect(globToRegExp(pattern).test(path)).toBe(true)
})

it('knows a range that is impossible', () => {
  for (const pattern of ['[z-a]', 'x/{[b9-0],c}', '[!z-a]']) expect(hasImpossibleRange(pattern), pattern).toBe(true)
  for (const pattern of ['[a-z]', '\\[z-a]', '[z-', '[z-]', '[z\\-a]'])
    expect(hasImpossibleRange(pattern), pattern).toBe(false)
})
