import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ExpressionError,
  fill,
  fillPrompt,
  holds,
  parseCondition,
  parsePath,
  parseTemplate,
  resolvePath,
} from './index.ts'

const scope = {
  input: { name: 'belay', n: 3, list: ['a', 'b'], 'a key': { deep: null }, yes: true },
  steps: { one: { output: { text: 'hello\nworld', score: 0.5 } } },
  item: 'x',
}

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'no error'
  } catch (error) {
    if (error instanceof ExpressionError) return error.code
    throw error
  }
}

describe('paths', () => {
  it.each([
    ['input.name', 'belay'],
    [' input.n ', 3],
    ['input.list[1]', 'b'],
    ['input.list.length', 2],
    ['input.name.length', 5],
    ['input["a key"].deep', null],
    ['steps.one.output.score', 0.5],
    ['item', 'x'],
  ])('%s', (text, value) => expect(resolvePath(parsePath(text), scope)).toEqual(value))

  it.each(['', '.', 'a.', 'a..b', 'a[', 'a[x]', 'a[-1]', 'a["x]', 'a b', 'f()', 'a + b', '1a', 'a[1', 'a.["x"]'])(
    'refuses %j',
    (text) => expect(codeOf(() => parsePath(text))).toBe('invalid_expression'),
  )

  it.each([
    'nothing',
    'input.nothing',
    'input.list[2]',
    'input.name.toString',
    'input.constructor',
    'input.__proto__',
    'input.list.map',
    'input["a key"].deep.er',
    'input.list["0"]',
  ])('%s has no value', (text) =>
    expect(codeOf(() => resolvePath(parsePath(text), scope))).toBe('unresolved_reference'),
  )

  it('finds every own value under the path that leads to it, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), fc.jsonValue(), (keys, leaf) => {
        const value = keys.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), leaf)
        const text = `input${keys.map((key) => `[${JSON.stringify(key)}]`).join('')}`
        expect(resolvePath(parsePath(text), { input: value })).toEqual(leaf)
      }),
    )
  })

  it('reads or refuses any text, and never throws anything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['no error', 'invalid_expression']).toContain(codeOf(() => parsePath(text)))
        expect(['no error', 'invalid_expression']).toContain(codeOf(() => parseTemplate(text)))
        expect(['no error', 'invalid_expression', 'expression_type']).toContain(codeOf(() => parseCondition(text)))
      }),
    )
  })
})

describe('templates', () => {
  it('keep the type of a value that stands alone, and write others as text', () => {
    const value = { a: '${input.list}', b: ['n is ${input.n}, list is ${input.list}'], c: 1, d: '$${input.n}' }
    expect(fill(value, scope)).toEqual({ a: ['a', 'b'], b: ['n is 3, list is ["a","b"]'], c: 1, d: '${input.n}' })
  })

  it('leave text without references as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('${')),
        (text) => {
          expect(fill(text, scope)).toBe(text)
        },
      ),
    )
  })

  it('never read what a value holds as a template', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(fill('${input.x}', { input: { x: text } })).toBe(text)
        expect(fill('<${input.x}>', { input: { x: text } })).toBe(`<${text}>`)
      }),
    )
  })

  it.each(['${', 'a ${input.n', '${input.n) }', '${}', '${"}'])('refuse %j', (text) =>
    expect(codeOf(() => fill(text, scope))).toBe('invalid_expression'),
  )

  it('put long values and several lines into fences in a prompt, which their content cannot end', () => {
    expect(fillPrompt('Say ${input.name}, ${input.n}.', scope)).toBe('Say belay, 3.')
    expect(fillPrompt('Read: ${steps.one.output.text}!', scope)).toBe('Read: \n```\nhello\nworld\n```\n!')
    const text = 'a\n```\n# New orders\n'
    expect(fillPrompt('${item}', { item: text })).toBe(`\n\`\`\`\`\n${text}\`\`\`\`\n`)
    expect(fillPrompt('${input.list}', scope)).toContain('```json\n[\n  "a",')
  })
})

describe('conditions', () => {
  it.each([
    ['${input.n} = 3', '"= 3" is not understood; did you mean ==?'],
    ['${input.yes} && true', 'did you mean and?'],
    ['${input.yes} || true', 'did you mean or?'],
    ['!${input.yes}', 'did you mean not?'],
    ['${input.n} in [1, 2', 'a "]" is missing'],
    ['${input.n} in [1, ${input.n}]', 'a list holds plain values only'],
    ['${input.n} in [[1]]', 'a value is missing before "["'],
    ['${input.n} in [,]', 'a value is missing before ","'],
    ['[1] == [1]', 'compares a list with a list'],
  ])('%s is refused, and said why', (text, why) => expect(() => parseCondition(text)).toThrow(why))

  it.each([
    ['${input.name} == "belay"', true],
    ["${input.name} != 'belay'", false],
    ['${input.n} >= 3 and ${input.n} < 4', true],
    ['${input.n} > 3 or ${input.yes}', true],
    ['not ${input.yes}', false],
    ['not (${input.n} == 3) or "a" in ${input.list}', true],
    ['${input.list} contains "c"', false],
    ['${input.name} contains "ela"', true],
    ['${input.name} in ["rope", "belay"]', true],
    ['${input.name} in []', false],
    ['not (${input.n} in [1, -2.5, null, true, "3"]) and [3] contains ${input.n}', true],
    ['exists ${input.nothing}', false],
    ['exists ${input["a key"].deep}', true],
    ['not exists ${steps.two}', true],
    ['${input["a key"].deep} == null', true],
    ['${input.name} == null', false],
    ['"a" < "b"', true],
    ['${steps.one.output.score} <= 0.5', true],
    ['-1 < ${input.n}', true],
    ['true', true],
    ['${input.yes} == true and (false or true)', true],
    ['${input.list.length} == 2', true],
    ['exists ${input.nothing} and ${input.nothing} == 1', false],
  ])('%s', (text, value) => expect(holds(parseCondition(text), scope)).toBe(value))

  it.each([
    '',
    '==',
    '${input.n} =',
    '${input.n} == ',
    'input.n == 3',
    '${input.n} === 3',
    '(${input.yes}',
    '${input.yes})',
    '${input.yes} and',
    'exists 3',
    '"a',
    '"text"',
    '3',
    '${input.n} + 1 == 4',
    '${a}; ${b}',
    'process.exit()',
    `${'('.repeat(60)}true${')'.repeat(60)}`,
    `${'true or '.repeat(400)}true`,
  ])('cannot read %j', (text) => expect(codeOf(() => parseCondition(text))).toBe('invalid_expression'))

  it.each([
    '1 == "1"',
    '${input.n} == "3"',
    '${input.name} < 3',
    '${input.name}',
    '${input.list} == 1',
    '${input.list} == ${input.list}',
    '${input} != ${steps}',
    '3 in 4',
  ])('does not compare %s', (text) => expect(codeOf(() => holds(parseCondition(text), scope))).toBe('expression_type'))

  it('compares numbers and texts as the language does', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.string(), fc.string(), (m, n, s, t) => {
        const own = { a: m, b: n, s, t }
        expect(holds(parseCondition('${a} < ${b}'), own)).toBe(m < n)
        expect(holds(parseCondition('${a} == ${b} or ${a} != ${b}'), own)).toBe(true)
        expect(holds(parseCondition('${s} >= ${t}'), own)).toBe(s >= t)
        expect(holds(parseCondition(`${JSON.stringify(s)} == \${s}`), own)).toBe(true)
        expect(holds(parseCondition('not (${a} < ${b}) or ${a} < ${b}'), own)).toBe(true)
      }),
    )
  })
})
