import { expect, describe, it } from 'vitest'
import { expectIssues } from './testing/check.ts'
import { FLOW_FAULTS } from './testing/flow-faults.ts'

describe('where states lead', () => {
  it.each(FLOW_FAULTS)('says what is wrong with %s', (_, file, issues) => {
    expect.hasAssertions()
    expectIssues(file, issues)
  })
})
