/**
 * Conditions of switches: comparisons of values, joined by `and`, `or`, `not` and parentheses. There are no functions, no
 * arithmetic and no code.
 *
 *   condition  = all { "or" all }          all = one { "and" one }          one = "not" one | "(" condition ")" | test
 *   test       = "exists" reference | operand [ operator operand ]
 *   operator   = == != < <= > >= in contains      operand = reference | plain | "[" [ plain { "," plain } ] "]"
 *   plain      = text | number | true | false | null
 */
import { ExpressionError, parsePath, resolvePath, type Path, type Scope } from './path.ts'

export type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'contains'
type Plain = string | number | boolean | null
type Literal = Plain | readonly Plain[]
export type Operand = { readonly path: Path } | { readonly literal: Literal }

export type Condition =
  | { readonly kind: 'any' | 'all'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'exists'; readonly path: Path }
  | { readonly kind: 'value'; readonly operand: Operand }
  | { readonly kind: 'compare'; readonly operator: Operator; readonly left: Operand; readonly right: Operand }

interface Token {
  readonly kind: 'reference' | 'text' | 'number' | 'word' | 'symbol'
  readonly text: string
}

const MAX_LENGTH = 2000
const MAX_DEPTH = 50
const TOKEN =
  /\s*(?:(?<reference>\$\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})|(?<text>"(?:[^"\\]|\\.)*"|'[^'\\]*')|(?<number>-?\d+(?:\.\d+)?(?![\w.]))|(?<word>[A-Za-z]+)|(?<symbol>==|!=|<=|>=|<|>|[()[\],]))/y

/**
 * Parses a condition. Throws `invalid_expression`, or `expression_type` for a comparison of literals that cannot be compared.
 */
export function parseCondition(source: string): Condition {
  if (source.length > MAX_LENGTH) throw broken(source, `it is longer than ${MAX_LENGTH} characters`)
  return new Parser(source).parse()
}

class Parser {
  readonly #source: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
    this.#tokens = tokens(source)
  }

  parse(): Condition {
    const condition = this.#any()
    const rest = this.#tokens[this.#at]
    if (rest) throw broken(this.#source, `${JSON.stringify(rest.text)} is not expected there`)
    return condition
  }

  #any(): Condition {
    const of = [this.#all()]
    while (this.#word('or')) of.push(this.#all())
    return of.length === 1 && of[0] ? of[0] : { kind: 'any', of }
  }

  #all(): Condition {
    const of = [this.#one()]
    while (this.#word('and')) of.push(this.#one())
    return of.length === 1 && of[0] ? of[0] : { kind: 'all', of }
  }

  #one(): Condition {
    if (++this.#depth > MAX_DEPTH) throw broken(this.#source, 'it is nested too deep')
    try {
      if (this.#word('not')) return { kind: 'not', of: this.#one() }
      if (this.#symbol('(')) {
        const inside = this.#any()
        if (!this.#symbol(')')) throw broken(this.#source, 'a ")" is missing')
        return inside
      }
      return this.#test()
    } finally {
      this.#depth -= 1
    }
  }

  #test(): Condition {
    if (this.#word('exists')) {
      const operand = this.#operand()
      if (!('path' in operand)) throw broken(this.#source, '"exists" takes a reference ${...}')
      return { kind: 'exists', path: operand.path }
    }
    const left = this.#operand()
    const operator = this.#operator()
    if (operator === null) {
      if ('literal' in left && typeof left.literal !== 'boolean') {
        throw broken(this.#source, `${JSON.stringify(left.literal)} alone is neither true nor false`)
      }
      return { kind: 'value', operand: left }
    }
    const right = this.#operand()
    if ('literal' in left && 'literal' in right) compare(operator, left.literal, right.literal, this.#source)
    return { kind: 'compare', operator, left, right }
  }

  #operator(): Operator | null {
    const token = this.#tokens[this.#at]
    const isOne =
      (token?.kind === 'symbol' && /^[=!<>]/.test(token.text)) ||
      (token?.kind === 'word' && (token.text === 'in' || token.text === 'contains'))
    if (!isOne) return null
    this.#at += 1
    return token.text as Operator
  }

  #operand(): Operand {
    const token = this.#tokens[this.#at]
    if (token?.kind === 'reference') {
      this.#at += 1
      return { path: parsePath(token.text.slice(2, -1)) }
    }
    return { literal: this.#symbol('[') ? this.#list() : this.#plain() }
  }

  /** The rest of a list of plain values, after its opening bracket. */
  #list(): readonly Plain[] {
    const found: Plain[] = []
    if (this.#symbol(']')) return found
    do found.push(this.#plain())
    while (this.#symbol(','))
    if (!this.#symbol(']')) throw broken(this.#source, 'a "]" is missing')
    return found
  }

  #plain(): Plain {
    const token = this.#tokens[this.#at]
    if (!token) throw broken(this.#source, 'it ends too early')
    this.#at += 1
    switch (token.kind) {
      case 'reference':
        throw broken(this.#source, `a list holds plain values only, not ${token.text}`)
      case 'number':
        return Number(token.text)
      case 'text':
        return unquote(token.text, this.#source)
      case 'word':
        if (Object.hasOwn(WORDS, token.text)) return WORDS[token.text] ?? null
        throw broken(this.#source, `${token.text} is no value: references are written \${...}, text in quotes`)
      case 'symbol':
        throw broken(this.#source, `a value is missing before ${JSON.stringify(token.text)}`)
    }
  }

  #word(word: string): boolean {
    return this.#skip('word', word)
  }

  #symbol(symbol: string): boolean {
    return this.#skip('symbol', symbol)
  }

  #skip(kind: Token['kind'], text: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== kind || token.text !== text) return false
    this.#at += 1
    return true
  }
}

const WORDS: Readonly<Record<string, Plain>> = { true: true, false: false, null: null }

/** Operators of other languages, and what they are called here. */
const MEANT: readonly (readonly [RegExp, string])[] = [
  [/^=/, '=='],
  [/^&/, 'and'],
  [/^\|/, 'or'],
  [/^!/, 'not'],
]

function tokens(source: string): Token[] {
  const found: Token[] = []
  const end = source.trimEnd().length
  let at = 0
  while (at < end) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(source)
    const [kind, text] = Object.entries(match?.groups ?? {}).find(([, value]) => value !== undefined) ?? []
    if (!match || kind === undefined || text === undefined) {
      const rest = source.slice(at).trim()
      const meant = MEANT.find(([sign]) => sign.test(rest))?.[1]
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      throw broken(source, `${JSON.stringify(rest.slice(0, 20))} is not understood${hint}`)
    }
    found.push({ kind: kind as Token['kind'], text })
    at = TOKEN.lastIndex
  }
  return found
}

function unquote(text: string, source: string): string {
  if (text.startsWith("'")) return text.slice(1, -1)
  try {
    return JSON.parse(text) as string
  } catch {
    throw broken(source, `${text} is no text`)
  }
}

function broken(source: string, why: string): ExpressionError {
  return new ExpressionError('invalid_expression', `the condition ${JSON.stringify(source)} cannot be read: ${why}`)
}

/** Every reference in a condition; those of `exists` may have no value. */
export function pathsOf(condition: Condition): { readonly path: Path; readonly optional: boolean }[] {
  switch (condition.kind) {
    case 'any':
    case 'all':
      return condition.of.flatMap(pathsOf)
    case 'not':
      return pathsOf(condition.of)
    case 'exists':
      return [{ path: condition.path, optional: true }]
    case 'value':
      return pathOf(condition.operand)
    case 'compare':
      return [...pathOf(condition.left), ...pathOf(condition.right)]
  }
}

function pathOf(operand: Operand): { readonly path: Path; readonly optional: boolean }[] {
  return 'path' in operand ? [{ path: operand.path, optional: false }] : []
}

/**
 * Whether a condition holds. `and` and `or` evaluate no more than necessary. Throws `unresolved_reference`, or
 * `expression_type` for values that cannot be compared.
 */
export function holds(condition: Condition, scope: Scope): boolean {
  switch (condition.kind) {
    case 'any':
      return condition.of.some((one) => holds(one, scope))
    case 'all':
      return condition.of.every((one) => holds(one, scope))
    case 'not':
      return !holds(condition.of, scope)
    case 'exists':
      return exists(condition.path, scope)
    case 'value': {
      const value = valueOf(condition.operand, scope)
      if (typeof value === 'boolean') return value
      throw mismatch(`${nameOf(condition.operand)} is ${kindOf(value)}, not true or false`)
    }
    case 'compare': {
      const { operator, left, right } = condition
      const label = `${nameOf(left)} ${operator} ${nameOf(right)}`
      return compare(operator, valueOf(left, scope), valueOf(right, scope), label)
    }
  }
}

function exists(path: Path, scope: Scope): boolean {
  try {
    resolvePath(path, scope)
    return true
  } catch (error) {
    if (error instanceof ExpressionError && error.code === 'unresolved_reference') return false
    throw error
  }
}

function valueOf(operand: Operand, scope: Scope): unknown {
  return 'path' in operand ? resolvePath(operand.path, scope) : operand.literal
}

function nameOf(operand: Operand): string {
  return 'path' in operand ? `\${${operand.path.text}}` : JSON.stringify(operand.literal)
}

function compare(operator: Operator, left: unknown, right: unknown, label: string): boolean {
  switch (operator) {
    case '==':
      return isSame(left, right, label)
    case '!=':
      return !isSame(left, right, label)
    case '<':
      return order(left, right, label) < 0
    case '<=':
      return order(left, right, label) <= 0
    case '>':
      return order(left, right, label) > 0
    case '>=':
      return order(left, right, label) >= 0
    case 'in':
      return isIn(left, right, label)
    case 'contains':
      return isIn(right, left, label)
  }
}

/** null equals only null; otherwise, only values of the same kind can be compared. */
function isSame(left: unknown, right: unknown, label: string): boolean {
  if (left === null || right === null) return left === right
  if (kindOf(left) !== kindOf(right) || typeof left === 'object') {
    throw mismatch(`${label} compares ${kindOf(left)} with ${kindOf(right)}`)
  }
  return left === right
}

function order(left: unknown, right: unknown, label: string): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
  throw mismatch(`${label} compares ${kindOf(left)} with ${kindOf(right)}; only two numbers or two texts have an order`)
}

function isIn(part: unknown, whole: unknown, label: string): boolean {
  if (Array.isArray(whole)) return whole.some((one) => one === part)
  if (typeof whole === 'string' && typeof part === 'string') return whole.includes(part)
  throw mismatch(`${label} looks for ${kindOf(part)} in ${kindOf(whole)}; it takes a list, or text in text`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  const kinds: Record<string, string> = { string: 'text', number: 'a number', boolean: 'true or false' }
  return kinds[typeof value] ?? 'a mapping'
}

function mismatch(message: string): ExpressionError {
  return new ExpressionError('expression_type', message)
}
