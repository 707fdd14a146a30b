import { expect, it } from 'vitest'
import { isReachable } from './http.ts'

const URLS = [
  'https://a.example/mcp',
  'http://a.example/mcp',
  'https://a.example:8443/',
  'https://x.a.example/',
] as const

it.each([
  [['a.example'], [true, true, true, false]],
  [['A.Example:443'], [true, false, false, false]],
  [['a.example:8443'], [false, false, true, false]],
  [['*.a.example'], [false, false, false, true]],
  [
    ['*.a.example:80', 'b.example'],
    [false, false, false, false],
  ],
])('of a sandbox whose network is %j these are reached: %j', (hosts, reached) => {
  expect(URLS.map((url) => isReachable(url, { mode: 'hosts', hosts }))).toEqual(reached)
})

it('a sandbox without a network reaches nothing, one with all of it anything', () => {
  expect(URLS.map((url) => isReachable(url, { mode: 'none' }))).toEqual([false, false, false, false])
  expect(URLS.map((url) => isReachable(url, { mode: 'full' }))).toEqual([true, true, true, true])
})
