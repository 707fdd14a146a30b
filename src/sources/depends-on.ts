/** Reads `(depends on ...)` in a task's title. */

/** A task id of spec-kit: T and digits, including people's extensions such as T001a, T010.1, T-001. */
export const TASK_ID = /^T-?\d+(?:[A-Za-z](?![A-Za-z0-9]))?(?:\.\d+[A-Za-z]?)*(?![A-Za-z0-9])/

export interface Stated {
  /** The named handles in order, without duplicates; a range stands for the existing tasks in it. */
  readonly handles: readonly string[]
  /** Whether something other than tasks is named too (a phase, a story), or nothing that could be read. */
  readonly vague: boolean
}

const CLAUSE = /\(\s*depends\s+on\b:?\s*([^()]*(?:\([^()]*\)[^()]*)*)\)/gi
const DETAIL = /^[*_]*(?:depends\s+on|dependenc(?:y|ies))[*_]*:[*_]*\s*(.*)$/i
const ID = /(?<![A-Za-z0-9-])T-?\d+(?:[A-Za-z](?![A-Za-z0-9]))?(?:\.\d+[A-Za-z]?)*(?![A-Za-z0-9])/
const RANGE = new RegExp(
  `(${ID.source})\\s*(?:-|\\u2013|\\u2014|\\.\\.\\.?|to|through)\\s*(${ID.source.replace('-])', '])')})`,
  'g',
)
const OTHER = /\b(?:phases?\s+\d|US\d|(?:user\s+)?stor(?:y|ies)\s+\d)/i

/**
 * Reads every `(depends on ...)` in a task's first paragraph and every detail line `Depends on: ...` below it; null: there is
 * none. `known` are the file's handles in file order.
 */
export function statedDependencies(
  text: string,
  detailLines: readonly string[],
  known: readonly string[],
): Stated | null {
  const lines = detailLines.map((line) => DETAIL.exec(line)?.[1] ?? '')
  const clauses = [
    ...[...text.matchAll(CLAUSE)].map((match) => match[1] ?? ''),
    ...lines.filter((line) => new RegExp(ID.source).test(line)),
  ]
  if (clauses.length === 0) return null
  const handles = new Set<string>()
  let vague = false
  for (const clause of clauses) {
    const filled = clause.replace(RANGE, (_, from: string, to: string) => between(from, to, known).join(', '))
    const named = [...filled.matchAll(new RegExp(ID.source, 'g'))].map((match) => match[0])
    for (const handle of named) handles.add(handle)
    vague ||= named.length === 0 || OTHER.test(filled)
  }
  return { handles: [...handles], vague }
}

/** `from`, the known handles whose number is between the two, and `to`. */
function between(from: string, to: string, known: readonly string[]): string[] {
  const [low, high] = [number(from), number(to)]
  return [from, ...known.filter((handle) => number(handle) > low && number(handle) < high), to]
}

function number(handle: string): number {
  return Number(/\d+/.exec(handle)?.[0])
}
