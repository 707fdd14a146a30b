/** The problems of a configuration, worded from the schema's own errors. All problems are reported at once. */
import type { z } from 'zod'
import { BelayError } from '../core/errors.ts'
import { head, nearest, printable } from '../core/text.ts'
import { keyText, keysAt, nodeAt, rootNode, suggestKey, type KeyPath, type SchemaNode } from './keys.ts'
import { valueAt } from './values.ts'

export interface Problem {
  readonly path: KeyPath
  /** File, variable or flag; with the line where it is known. */
  readonly where: string
  readonly expected: string
  readonly received: string
  /** What was probably meant, or null. */
  readonly nearest: string | null
  readonly kind: 'unknown_key' | 'bad_value' | 'unreadable'
  /** Column in the line that `where` names; absent if unknown. */
  readonly column?: number
}

type Issue = z.core.$ZodIssue

/** Says where a path is in the text that it comes from. */
export type Locate = (path: KeyPath) => string

const MAX_LISTED = 30
const MAX_RECEIVED = 80

/** The problems that a failed check of `raw` found. `root` is the schema used for the check. */
export function problemsOf(issues: readonly Issue[], raw: unknown, locate: Locate, root = rootNode()): Problem[] {
  return issues.flatMap((issue) => problemOf(issue, [], { raw, locate, root }))
}

interface Checked {
  readonly raw: unknown
  readonly locate: Locate
  readonly root: SchemaNode
}

function problemOf(issue: Issue, base: KeyPath, checked: Checked): Problem[] {
  const { raw, locate, root } = checked
  const path: KeyPath = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey([...path, key], locate, root))
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find(
      (errors) => !errors.some((error) => error.path.length === 0 && isWrongType(error, valueAt(raw, path))),
    )
    if (branch && branch.length > 0) return branch.flatMap((inner) => problemOf(inner, path, checked))
  }
  const expected = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  if (issue.code === 'invalid_key') {
    const name = String(path.at(-1))
    return [{ path, where: locate(path), expected, received: describe(name), nearest: null, kind: 'bad_value' }]
  }
  return [badValue(path, expected, valueAt(raw, path), locate, root)]
}

/** Whether this branch of a union cannot have been meant: a mapping, for example, is never a misspelt word. */
function isWrongType(issue: Issue, received: unknown): boolean {
  if (issue.code === 'invalid_value') return typeof received === 'object' && received !== null
  return issue.code === 'invalid_type' || issue.code === 'invalid_union'
}

export function unknownKey(path: KeyPath, locate: Locate, root = rootNode()): Problem {
  const known = keysAt(path.slice(0, -1), root)
  return {
    path,
    where: locate(path),
    expected: known.length > 0 ? `one of the keys ${known.join(', ')}` : 'a known key',
    received: describe(String(path.at(-1))),
    nearest: suggestKey(path, root),
    kind: 'unknown_key',
  }
}

export function badValue(path: KeyPath, expected: string, value: unknown, locate: Locate, root = rootNode()): Problem {
  const words = nodeAt(path, root)?.enum
  return {
    path,
    where: locate(path),
    expected,
    // A variable's value may be a secret, and a key may be where its variable's name should be, so only the kind is shown.
    received: path.includes('env') || path[0] === 'providers' ? kindOf(value) : describe(value),
    nearest: words && typeof value === 'string' ? nearest(value, words) : null,
    kind: 'bad_value',
  }
}

export function unreadable(where: string, expected: string, received: string): Problem {
  return { path: [], where, expected, received, nearest: null, kind: 'unreadable' }
}

const REFERENCE = 'docs/reference/configuration.md'

/**
 * The error for some problems: its message has all of them (up to a limit), `expected` and `received` the first. `reference` is
 * the page that documents all keys.
 */
export function configInvalid(found: readonly Problem[], reference = REFERENCE): BelayError {
  const problems = [...new Map(found.map((problem) => [`${problem.where} ${sentence(problem)}`, problem])).values()]
  const first = problems[0]
  const lines = problems.slice(0, MAX_LISTED).map((problem) => `${problem.where}: ${sentence(problem)}`)
  if (problems.length > MAX_LISTED) lines.push(`and ${problems.length - MAX_LISTED} more`)
  const message =
    problems.length === 1
      ? `the configuration is not valid: ${lines[0]}`
      : `the configuration has ${problems.length} problems:\n  ${lines.join('\n  ')}`
  return new BelayError('config_invalid', message, {
    expected: first?.expected ?? 'a valid configuration',
    received: first?.received ?? 'nothing',
    next: nextOf(problems, reference),
  })
}

function sentence(problem: Problem): string {
  const meant = problem.nearest === null ? '' : `; did you mean ${problem.nearest}?`
  switch (problem.kind) {
    case 'unreadable':
      return `expected ${problem.expected}, received ${problem.received}`
    case 'unknown_key':
      return `${printable(keyText(problem.path))}: unknown key${meant === '' ? `; expected ${problem.expected}` : meant}`
    case 'bad_value':
      return `${printable(keyText(problem.path))}: expected ${problem.expected}, received ${problem.received}${meant}`
  }
}

function nextOf(problems: readonly Problem[], reference: string): string {
  const places = [...new Set(problems.map((problem) => problem.where.replace(/:\d+$/, '')))]
  return `fix ${places.slice(0, 3).join(', ')}; all keys are described in ${reference}`
}

/** A received value, for a sentence. */
function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(printable(head(value, MAX_RECEIVED)))
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return kindOf(value)
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'nothing (null)'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (value instanceof Date) return 'a date'
  if (typeof value === 'object') return 'a mapping'
  return KINDS[typeof value] ?? typeof value
}

const KINDS: Readonly<Record<string, string>> = { string: 'text', number: 'a number', boolean: 'true or false' }
