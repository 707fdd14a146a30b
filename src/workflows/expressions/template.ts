import { cap, fence } from '../../core/text.ts'
import { ExpressionError, parsePath, resolvePath, type Path, type Scope } from './path.ts'

/** A part of a text with `${...}`: plain text or a reference. */
export type Part = string | Path

/**
 * Splits a text into plain text and references; `$${` stands for `${`. Throws `invalid_expression`.
 */
export function parseTemplate(text: string): readonly Part[] {
  const parts: Part[] = []
  let plain = ''
  let at = 0
  while (at < text.length) {
    const next = text.indexOf('${', at)
    if (next === -1) break
    if (text[next - 1] === '$' && next - 1 >= at) {
      plain += `${text.slice(at, next - 1)}\${`
      at = next + 2
      continue
    }
    const end = closing(text, next + 2)
    plain += text.slice(at, next)
    if (plain !== '') parts.push(plain)
    plain = ''
    parts.push(parsePath(text.slice(next + 2, end)))
    at = end + 1
  }
  plain += text.slice(at)
  if (plain !== '') parts.push(plain)
  return parts
}

/** Index of the brace that ends a reference; braces in quoted keys do not count. */
function closing(text: string, from: number): number {
  let quoted = false
  for (let at = from; at < text.length; at++) {
    if (quoted && text[at] === '\\') at += 1
    else if (text[at] === '"') quoted = !quoted
    else if (text[at] === '}' && !quoted) return at
  }
  throw new ExpressionError('invalid_expression', `"\${" in ${JSON.stringify(text.slice(0, 80))} is never closed`)
}

/** Every reference in a value, at any depth. Throws `invalid_expression`. */
export function pathsIn(value: unknown): Path[] {
  if (typeof value === 'string') return parseTemplate(value).filter((part) => typeof part !== 'string')
  if (Array.isArray(value)) return value.flatMap(pathsIn)
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(pathsIn)
  return []
}

/**
 * `value` with every reference in its texts replaced. A text that consists of one reference becomes the value itself, of
 * whatever type; in longer texts, values are inserted as text (structures as JSON). Throws `ExpressionError`.
 */
export function fill(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') return fillText(value, scope)
  if (Array.isArray(value)) return value.map((one) => fill(one, scope))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, scope)]))
  }
  return value
}

function fillText(text: string, scope: Scope): unknown {
  const parts = parseTemplate(text)
  const [only] = parts
  if (parts.length === 1 && only !== undefined && typeof only !== 'string') return resolvePath(only, scope)
  return parts.map((part) => (typeof part === 'string' ? part : plainText(resolvePath(part, scope)))).join('')
}

/** A value as part of a text. */
export function plainText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** Longest one-line text that is put into a prompt unfenced, in characters. */
const INLINE = 200
/** Longest value in a prompt, in characters. */
const MAX_VALUE = 60_000

/**
 * A prompt with its references replaced: short one-line values unchanged, all others capped and in code fences that their
 * content cannot close.
 */
export function fillPrompt(text: string, scope: Scope): string {
  return parseTemplate(text)
    .map((part) => (typeof part === 'string' ? part : promptValue(resolvePath(part, scope))))
    .join('')
}

/** A value as it appears in a prompt. */
export function promptValue(value: unknown): string {
  if (typeof value === 'string' && value.length <= INLINE && !/[\p{Cc}\u2028\u2029]/u.test(value)) return value
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  const [content, kind] = typeof value === 'string' ? [value, ''] : [JSON.stringify(value, null, 2), 'json']
  return `\n${fence(cap(content, MAX_VALUE), kind)}\n`
}
