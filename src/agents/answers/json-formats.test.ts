import { describe, expect, it } from 'vitest'
import { compileSchema } from './json-schema.ts'

const CASES: readonly (readonly [format: string, good: readonly string[], bad: readonly string[]])[] = [
  [
    'date',
    ['2024-02-29', '0001-01-01', '2026-12-31'],
    ['2023-02-29', '2024-13-01', '2024-1-1', '2024-00-10', '2024-04-00', ''],
  ],
  ['time', ['00:00:00Z', '23:59:60z', '12:00:00.123+05:30'], ['24:00:00Z', '12:00', '12:00:00', '12:00:00+24:00']],
  ['date-time', ['2024-02-29T12:00:00Z', '2024-02-29 12:00:00-01:00'], ['2024-02-30T12:00:00Z', '2024-02-29', 'T']],
  ['duration', ['P1D', 'PT1H30M', 'P2W', 'P1Y2M3DT4S'], ['P', 'PT', '1D', 'P1H']],
  ['email', ['a.b+c@example.com'], ['a', 'a@', '@b.c', 'a b@c.d', 'a@b..c']],
  ['hostname', ['example.com', 'a-b.c1', 'x'], ['-a.b', 'a..b', 'a_b', `${'a'.repeat(64)}.de`]],
  ['ipv4', ['127.0.0.1'], ['256.0.0.1', '1.2.3']],
  ['ipv6', ['::1', 'fe80::1:2'], ['127.0.0.1', ':::']],
  ['uri', ['https://example.com/a?b#c', 'urn:a:b'], ['/a/b', 'https://a b', 'x:%zz', '']],
  ['uri-reference', ['/a/b', '', '#x'], ['a b', '<x>']],
  ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567e89b12d3a456426614174000', 'x']],
  ['json-pointer', ['', '/a/~0~1'], ['a', '/~2']],
  ['regex', ['^a+$'], ['(', '\\u{110000}']],
]

describe.each(CASES)('format %s', (format, good, bad) => {
  const check = compileSchema({ type: ['string', 'number'], format })
  it.each(good)('takes %j', (text) => expect(check(text)).toEqual([]))
  it.each(bad)('refuses %j', (text) => expect(check(text)).toEqual([`(answer): must match format "${format}"`]))
  it('has nothing to say of numbers', () => expect(check(1)).toEqual([]))
})
