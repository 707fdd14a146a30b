import { stringify } from 'yaml'
import { expect } from 'vitest'
import { checkWorkflow, type Checked } from '../check.ts'
import { issueLine } from '../issues.ts'

type Value = Readonly<Record<string, unknown>>

/** An invalid workflow: a title, the file, and the code and path of each issue in order. */
export type Fault = readonly [title: string, file: unknown, issues: string]

export const agent = { id: 'a', type: 'agent', prompt: 'Do it.', timeout: '5m' }
export const say = (id: string, more: Value = {}): Value => ({ id, type: 'inject', value: 1, ...more })
export const flow = (...states: readonly unknown[]): Value => ({ agent: { command: ['x'] }, states })

export function check(value: unknown): Checked {
  return checkWorkflow(typeof value === 'string' ? value : stringify(value), 'flows/demo.yaml', '/repo')
}

/** Expects that a file has exactly these issues, and that each of them is helpful. */
export function expectIssues(value: unknown, expected: string): void {
  const { issues, definition } = check(value)
  expect(issues.map((issue) => `${issue.code} ${issue.path}`).join(', ')).toBe(expected)
  expect(definition === null).toBe(issues.some((issue) => issue.severity === 'error'))
  for (const issue of issues) {
    expect(issue.where).toMatch(/^flows\/demo\.yaml(:\d+:\d+)?$/)
    expect(issue.message).not.toBe('')
    // An error says what is expected and, unless something is missing, what was received; a warning says what follows from it.
    if (issue.severity === 'error') expect(issue.expected, issueLine(issue)).not.toBeNull()
    if (issue.severity === 'error' && !/^(MISSING|EMPTY)/.test(issue.code))
      expect(issue.actual, issueLine(issue)).not.toBeNull()
    if (issue.severity === 'warning') expect(issue.hint, issueLine(issue)).not.toBeNull()
  }
}
