import { expect, describe, it } from 'vitest'
import { expectIssues } from './testing/check.ts'
import { REFERENCES_FAULTS } from './testing/references-faults.ts'

describe('expressions', () => {
  it.each(REFERENCES_FAULTS)('says what is wrong with %s', (_, file, issues) => {
    expect.hasAssertions()
    expectIssues(file, issues)
  })
})
