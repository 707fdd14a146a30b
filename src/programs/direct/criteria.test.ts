import { describe, expect, it } from 'vitest'
import type { ReviewAnswer } from '../answers.ts'
import { missingCriteria } from './criteria.ts'

type Status = 'pass' | 'fail' | 'unclear'

function review(
  checks: readonly (readonly [string, Status])[],
  verdict: ReviewAnswer['verdict'] = 'pass',
): ReviewAnswer {
  return {
    taskHandle: 'T1',
    summary: 's',
    verdict,
    overallRisk: 'low',
    findings: [],
    acceptanceChecks: checks.map(([criterion, status]) => ({ criterion, note: 'n', status })),
  }
}

const passes = (criterion: string, ...checked: readonly string[]): boolean =>
  missingCriteria(review(checked.map((one) => [one, 'pass'])), [criterion]).length === 0

describe('a criterion', () => {
  it.each([
    ['Write the answer', 'write  THE\n answer '],
    ['Add `parse()` to **core**', 'Add parse() to core'],
    ['- [ ] Keep [the docs](docs/a.md) _short_', 'Keep the docs short'],
    ['Keep snake_case_names', 'keep `snake_case_names`'],
    ['Caf\u00e9', 'cafe\u0301'],
    ['2 \\* 3 is 6', '2 * 3 is 6'],
    ['***', '***'],
  ])('%j is met by a check of %j', (criterion, checked) => {
    expect(passes(criterion, checked)).toBe(true)
  })

  it.each([
    ['Write the answer', 'Write the answer and the question'],
    ['Write the answer', 'the answer'],
    ['Log in', 'Log in with a key, and log out'],
    ['Reject names without a dot', 'Reject names with a dot'],
    ['snake_case', 'snakecase'],
    ['a-b', 'a b'],
    ['Do it!', 'Do it'],
  ])('%j is not met by a check of %j', (criterion, checked) => {
    expect(passes(criterion, checked)).toBe(false)
  })

  it('is not met where its checks disagree, or where two that read alike have one check', () => {
    expect(
      missingCriteria(
        review([
          ['a', 'pass'],
          ['A', 'unclear'],
        ]),
        ['a'],
      ),
    ).toEqual([expect.stringContaining('disagree')])
    expect(missingCriteria(review([['a', 'pass']]), ['a', '`A`'])).toEqual([
      expect.stringContaining('each needs a check'),
    ])
    expect(
      missingCriteria(
        review([
          ['a', 'pass'],
          ['a', 'pass'],
        ]),
        ['a', '`A`'],
      ),
    ).toEqual([])
    expect(missingCriteria(review([['a', 'fail']]), ['a'])).toEqual([expect.stringContaining('use its exact text')])
  })

  it('is not asked for where the review does not pass', () => {
    expect(missingCriteria(review([], 'rework'), ['a'])).toEqual([])
  })
})
