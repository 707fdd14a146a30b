import { describe, expect, it } from 'vitest'
import { resetTimeIn } from './reset-time.ts'

const NOON = Date.parse('2026-11-21T12:00:00Z')

describe('resetTimeIn', () => {
  it.each([
    ['Claude AI usage limit reached|1795256669', '2026-11-21T10:24:29.000Z'],
    ["You've hit your limit · resets 3:24pm (UTC)", '2026-11-21T15:24:00.000Z'],
    ["You've hit your limit · resets 10:24am (UTC)", '2026-11-22T10:24:00.000Z'],
    ['resets 12am (UTC)', '2026-11-22T00:00:00.000Z'],
    ['resets 12pm', '2026-11-22T12:00:00.000Z'],
    ['Weekly limit reached ∙ resets 3pm (Europe/Berlin)', '2026-11-21T14:00:00.000Z'],
    ['resets at 1pm (Asia/Kolkata)', '2026-11-22T07:30:00.000Z'],
    ['resets Nov 24, 10am (UTC)', '2026-11-24T10:00:00.000Z'],
    ['resets Jan 2 at 9:05am (America/New_York)', '2027-01-02T14:05:00.000Z'],
  ])('%s', (text, expected) => {
    expect(resetTimeIn(text, NOON)).toBe(expected)
  })

  it('gets the hour right after a change of clocks', () => {
    expect(resetTimeIn('resets Mar 28, 9am (Europe/Berlin)', Date.parse('2027-03-27T12:00:00Z'))).toBe(
      '2027-03-28T07:00:00.000Z',
    )
  })

  it.each(['', 'the limit resets soon', 'resets 3pm (Middle/Earth)', 'resets Foo 3, 3pm (UTC)', 'presets 3pm'])(
    'finds none in %j',
    (text) => {
      expect(resetTimeIn(text, NOON)).toBeNull()
    },
  )
})
