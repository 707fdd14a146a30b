import { BelayError } from '../core/errors.ts'
import { head, printable } from '../core/text.ts'

/** How many problems one error names; the rest is counted. */
const MAX_NAMED = 30

/** A problem of a source file that only its author can mend. */
export interface Problem {
  /** 1-based. */
  readonly line: number
  readonly message: string
}

/** A short piece of untrusted text for a message. */
export function quote(text: string): string {
  const line = printable(text).replace(/\s+/g, ' ').trim()
  return `"${line.length > 80 ? `${head(line, 77)}...` : line}"`
}

/** `path:line: message` for each, in line order, at most `MAX_NAMED` of them. */
export function located(path: string, problems: readonly Problem[]): string[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line)
  const named = sorted.slice(0, MAX_NAMED).map((problem) => `${path}:${problem.line}: ${problem.message}`)
  if (sorted.length > MAX_NAMED) named.push(`and ${sorted.length - MAX_NAMED} more`)
  return named
}

/** Throws `source_invalid` that names every problem with file and line; returns when there is none. */
export function refuse(path: string, problems: readonly Problem[], expected: string): void {
  if (problems.length === 0) return
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  throw new BelayError(
    'source_invalid',
    [`${path} cannot be read as a task list:`, ...located(path, problems)].join('\n'),
    {
      expected,
      received: count,
      next: `fix ${path} and commit it`,
    },
  )
}
