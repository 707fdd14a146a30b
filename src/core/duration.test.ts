import { expect, it } from 'vitest'
import { parseDuration } from './duration.ts'

it.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['1h30m', 5_400_000],
  [' 10m ', 600_000],
  ['0.5ms', 1],
  ['2147483647ms', 2_147_483_647],
])('%j is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['', '5', 's', '5 s', '-1s', '1s later', '0s', '0.4ms', '2147483648ms', '25d', '99999999999d'])(
  '%j is no duration, or none that a timer can wait for',
  (text) => {
    expect(parseDuration(text)).toBeNull()
  },
)
