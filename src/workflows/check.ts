import { basename, extname } from 'node:path'
import { parseText, type Parsed } from '../config/parse.ts'
import type { Problem } from '../config/problems.ts'
import { isMapping } from '../config/values.ts'
import type { Definition } from './definition.ts'
import { checkFlows } from './flow-checks.ts'
import { Issues, type Issue } from './issues.ts'
import { checkReferences } from './reference-checks.ts'
import { resolveWorkflow } from './resolve.ts'
import { ID } from './schema.ts'
import { checkShape } from './shape.ts'

export interface Checked {
  /** null if there is an error. */
  readonly definition: Definition | null
  /** Errors and warnings, in the order in which they were found. */
  readonly issues: readonly Issue[]
}

/**
 * Reads a workflow from the text of a file (YAML or JSON) and reports all its problems. `file` is the file's name for people,
 * and names the workflow unless the file does. Agents' programs with a slash are relative to `root`. Reads nothing else, and
 * never throws because of the text.
 */
export function checkWorkflow(text: string, file: string, root: string): Checked {
  return checkParsed(parseText(text, 'yaml', file), file, root)
}

/** Like `checkWorkflow`, for a text that was parsed already. */
export function checkParsed(parsed: Parsed, file: string, root: string): Checked {
  const issues = new Issues(parsed.locateExactly)
  for (const problem of parsed.problems) {
    issues.found.push(...withWhere(exactly(problem), problem))
  }
  if (issues.hasErrors) return { definition: null, issues: issues.found }
  const { value } = parsed
  if (value === null || (isMapping(value) && Object.keys(value).length === 0)) {
    issues.error('EMPTY_DEFINITION', [], 'there is nothing in it', { expected: 'a mapping with "states"' })
    return { definition: null, issues: issues.found }
  }
  if (!isMapping(value)) {
    const actual = Array.isArray(value) ? 'a list' : 'a single value'
    issues.error('INVALID_VALUE', [], 'a workflow is a mapping', { expected: 'a mapping with "states"', actual })
    return { definition: null, issues: issues.found }
  }
  const shape = checkShape(value, issues, parsed.locateExactly)
  if (shape === null || issues.hasErrors) return { definition: null, issues: issues.found }
  const resolved = resolveWorkflow(shape, value, nameOf(file), root, issues)
  checkFlows(resolved, issues)
  checkReferences(resolved, issues)
  return { definition: issues.hasErrors ? null : resolved.definition, issues: issues.found }
}

function exactly({ where, column }: Problem): string {
  return column === undefined ? where : `${where}:${column}`
}

function withWhere(where: string, problem: Parameters<Issues['problem']>[0]): readonly Issue[] {
  const here = new Issues(() => where)
  here.problem(problem)
  return here.found
}

/** The file's name without its extension, made valid as a workflow name. */
function nameOf(file: string): string {
  const plain = basename(file, extname(file)).replace(/[^A-Za-z0-9_-]+/g, '-')
  return ID.test(plain) ? plain : 'workflow'
}
