/** A reference such as `steps.review.output.files[0]`: a path to a value in a scope, and nothing else. */

export interface Path {
  /** The first segment: `input`, `steps`, an item's name. */
  readonly root: string
  readonly rest: readonly (string | number)[]
  readonly text: string
}

/** An expression that cannot be parsed or has no value; `code` is stable. */
export class ExpressionError extends Error {
  readonly code: 'invalid_expression' | 'unresolved_reference' | 'expression_type'

  constructor(code: ExpressionError['code'], message: string) {
    super(message)
    this.name = 'ExpressionError'
    this.code = code
  }
}

const NAME = /[A-Za-z_][A-Za-z0-9_-]*/y
const INDEX = /\[\s*(\d{1,9})\s*\]/y
const QUOTED = /\[\s*"((?:[^"\\]|\\.)*)"\s*\]/y
const MAX_SEGMENTS = 32

/** Parses a path. Throws `invalid_expression`. */
export function parsePath(source: string): Path {
  const text = source.trim()
  const segments: (string | number)[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found
  }
  const first = take(NAME)
  if (!first) throw broken(source)
  while (at < text.length) {
    if (text[at] === '.') {
      at += 1
      const name = take(NAME)
      if (!name) throw broken(source)
      segments.push(name[0])
      continue
    }
    const index = take(INDEX)
    if (index) {
      segments.push(Number(index[1]))
      continue
    }
    const quoted = take(QUOTED)
    if (!quoted) throw broken(source)
    segments.push(unquote(quoted[1] ?? '', source))
  }
  if (segments.length > MAX_SEGMENTS) throw broken(source)
  return { root: first[0], rest: segments, text }
}

function unquote(body: string, source: string): string {
  try {
    return JSON.parse(`"${body}"`) as string
  } catch {
    throw broken(source)
  }
}

function broken(source: string): ExpressionError {
  return new ExpressionError(
    'invalid_expression',
    `${JSON.stringify(source)} is no path such as input.name, steps.ID.output.list[0] or item["a key"]`,
  )
}

/** The values that expressions can refer to, by the first segment of a path. */
export type Scope = Readonly<Record<string, unknown>>

/**
 * The value at a path. Only own properties count; `length` of a list or text is its length. Throws `unresolved_reference` if
 * there is no value (an existing null is a value).
 */
export function resolvePath(path: Path, scope: Scope): unknown {
  let here: unknown = scope
  let walked = ''
  for (const segment of [path.root, ...path.rest]) {
    const next = step(here, segment)
    if (next === undefined) {
      const where = walked === '' ? 'there is nothing of that name here' : `${walked} has no ${JSON.stringify(segment)}`
      throw new ExpressionError('unresolved_reference', `\${${path.text}} has no value: ${where}`)
    }
    here = next.value
    walked += walked === '' ? segment : typeof segment === 'number' ? `[${segment}]` : `.${segment}`
  }
  return here
}

function step(holder: unknown, segment: string | number): { readonly value: unknown } | undefined {
  if (segment === 'length' && (typeof holder === 'string' || Array.isArray(holder))) return { value: holder.length }
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, segment)) return undefined
  if (Array.isArray(holder) && typeof segment !== 'number') return undefined
  const value = (holder as Record<string | number, unknown>)[segment]
  return value === undefined ? undefined : { value }
}
