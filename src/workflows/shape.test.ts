import { expect, describe, it } from 'vitest'
import { expectIssues } from './testing/check.ts'
import { SHAPE_FAULTS } from './testing/shape-faults.ts'

describe('keys and values', () => {
  it.each(SHAPE_FAULTS)('says what is wrong with %s', (_, file, issues) => {
    expect.hasAssertions()
    expectIssues(file, issues)
  })
})
