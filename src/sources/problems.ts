import { BelayError } from '../core/errors.ts'
import { head, printable } from '../core/text.ts'

/** How many problems one error lists; further ones are only counted. */
const MAX_NAMED = 30

/** A problem in a source file that only its author can fix. */
export interface Problem {
  /** 1-based. */
  readonly line: number
  readonly message: string
}

/** A short piece of untrusted text, quoted for a message. */
export function quote(text: string): string {
  const line = printable(text).replace(/\s+/g, ' ').trim()
  return `"${line.length > 80 ? `${head(line, 77)}...` : line}"`
}

/** `path:line: message` for each problem in line order, at most `MAX_NAMED` of them. */
export function located(path: string, problems: readonly Problem[]): string[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line)
  const named = sorted.slice(0, MAX_NAMED).map((problem) => `${path}:${problem.line}: ${problem.message}`)
  if (sorted.length > MAX_NAMED) named.push(`and ${sorted.length - MAX_NAMED} more`)
  return named
}

/** Throws `source_invalid`, which lists the problems with file and line, if there are any. */
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
