import type { KeyPath } from '../config/keys.ts'
import { keyText } from '../config/keys.ts'
import type { Locate, Problem } from '../config/problems.ts'
import { BelayError } from '../core/errors.ts'
import { nearest, printable } from '../core/text.ts'

export const ISSUE_CODES = [
  'EMPTY_DEFINITION',
  'INVALID_YAML',
  'UNKNOWN_KEY',
  'MISSING_KEY',
  'INVALID_VALUE',
  'MISSING_STATES',
  'MISSING_TYPE',
  'UNKNOWN_TYPE',
  'DUPLICATE_STATE',
  'RESERVED_NAME',
  'INVALID_START',
  'UNKNOWN_TRANSITION_TARGET',
  'UNREACHABLE_STATE',
  'NO_END',
  'UNKNOWN_AGENT',
  'INVALID_SCHEMA',
  'INVALID_EXPRESSION',
  'UNKNOWN_REFERENCE',
  'UNREACHABLE_HANDLER',
  'MISSING_TIMEOUT',
  'MISSING_DEFAULT',
  'UNUSED_AGENT',
  'UNUSED_INPUT',
] as const
export type IssueCode = (typeof ISSUE_CODES)[number]

/** A problem of a workflow (`error`), or something that its author may not have meant (`warning`). */
export interface Issue {
  readonly severity: 'error' | 'warning'
  readonly code: IssueCode
  /** Such as `states[2].cases[0].when`. */
  readonly path: string
  /** File, line and column. */
  readonly where: string
  readonly message: string
  readonly expected: string | null
  readonly actual: string | null
  /** What to do about it, or null. */
  readonly hint: string | null
}

export interface IssueDetails {
  readonly expected?: string
  readonly actual?: string
  readonly hint?: string | null
}

/** Collects the issues of one file. */
export class Issues {
  readonly found: Issue[] = []
  readonly #locate: Locate

  constructor(locate: Locate) {
    this.#locate = locate
  }

  error(code: IssueCode, path: KeyPath, message: string, details: IssueDetails = {}): void {
    this.#add('error', code, path, message, details)
  }

  warn(code: IssueCode, path: KeyPath, message: string, details: IssueDetails = {}): void {
    this.#add('warning', code, path, message, details)
  }

  get hasErrors(): boolean {
    return this.found.some((issue) => issue.severity === 'error')
  }

  #add(severity: Issue['severity'], code: IssueCode, path: KeyPath, message: string, details: IssueDetails): void {
    this.found.push({
      severity,
      code,
      path: keyText(path),
      where: this.#locate(path),
      message: printable(message),
      expected: details.expected ?? null,
      actual: details.actual === undefined ? null : printable(details.actual),
      hint: details.hint ?? null,
    })
  }

  /** Adds a problem that the check of keys and types found. */
  problem(problem: Problem): void {
    const { expected, received: actual } = problem
    const hint = problem.nearest === null ? null : `did you mean ${problem.nearest}?`
    const details = { expected, actual, hint }
    const name = keyText(problem.path)
    switch (problem.kind) {
      case 'unknown_key':
        return this.error('UNKNOWN_KEY', problem.path, `${name} is no known key`, details)
      case 'unreadable':
        return this.error('INVALID_YAML', problem.path, `the file cannot be read: ${actual}`, details)
      case 'bad_value':
        if (actual === 'nothing') return this.error('MISSING_KEY', problem.path, `${name} is missing`, details)
        return this.error('INVALID_VALUE', problem.path, `${name} has a value that does not fit`, details)
    }
  }
}

/** A hint that names the nearest of several words, or null. */
export function didYouMean(word: string, words: readonly string[]): string | null {
  const near = nearest(word, words)
  return near === null ? null : `did you mean ${near}?`
}

const MAX_LISTED = 30

/** The error (exit 2) for an invalid workflow. Its message lists the errors, up to a limit. */
export function workflowInvalid(name: string, found: readonly Issue[]): BelayError {
  const errors = found.filter((issue) => issue.severity === 'error')
  const lines = errors.slice(0, MAX_LISTED).map(issueLine)
  if (errors.length > MAX_LISTED) lines.push(`and ${errors.length - MAX_LISTED} more`)
  const [first] = errors
  const what = errors.length === 1 ? 'a problem' : `${errors.length} problems`
  return new BelayError('workflow_invalid', `workflow ${name} has ${what}:\n  ${lines.join('\n  ')}`, {
    expected: first?.expected ?? 'a valid workflow',
    received: first?.actual ?? first?.code ?? 'something else',
    next: 'fix the file; docs/workflows.md describes all keys',
  })
}

/** An issue as one line. */
export function issueLine(issue: Issue): string {
  const { where, code, message, expected, actual, hint } = issue
  const details = [
    expected === null ? '' : `expected ${expected}`,
    actual === null ? '' : `received ${actual}`,
    hint ?? '',
  ].filter((part) => part !== '')
  return `${where}: ${code}: ${message}${details.length === 0 ? '' : ` (${details.join('; ')})`}`
}
