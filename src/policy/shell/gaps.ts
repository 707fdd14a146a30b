/** Checks that a parse accounts for all of its text. The parser repairs broken text, and does not always report it. */
import { forEachChild, type Script, type SyntaxNode } from 'unbash'

type Span = readonly [from: number, to: number]

/** A character that separates or joins commands, at the beginning of a line, where it is not allowed. */
const STRAY = /^(?:[ \t]|\\\n)*(?:#[^\n]*)?\n(?:\s|#[^\n]*\n)*(?:;(?![;&])|&|\|)/

/** What is wrong with `source`, or with its parse `script`; null: nothing. */
export function gapIn(source: string, script: Script): string | null {
  if (source.includes('\r')) return 'it holds a carriage return, which is part of a word for a shell'
  if (/(^|[^\\])(\\\\)*\\$/.test(source)) return 'it ends with a backslash'
  const documents: Span[] = []
  const ends: number[] = []
  const juxtaposed: string[] = []
  const visit = (node: SyntaxNode): void => {
    if (node.type === 'HereDoc') documents.push([node.body.pos, node.closing?.end ?? node.body.end])
    if (node.type === 'Statement') ends.push(node.end)
    if (node.type === 'ArithmeticExpansion' || node.type === 'ArithmeticCommand')
      juxtaposed.push(...operandsIn(node, source))
    // A substitution with its own source text has its own positions.
    if (!('source' in node && node.source !== undefined)) forEachChild(node, visit)
  }
  visit(script)
  if (juxtaposed[0] !== undefined) return `no arithmetic: ${juxtaposed[0]}`
  // Most statements end before their here-documents, whose text is not part of the script.
  const after = [
    ...documents.map(([, to]) => to - 1),
    ...ends.filter((end) => !documents.some(([from]) => from >= end)),
  ]
  const stray = after.find((end) =>
    STRAY.test(source.slice(end, end + 2000).replace(/^[^\n]/, (first) => (/[\s#\\]/.test(first) ? first : ' '))),
  )
  if (stray !== undefined) return 'a separator stands where none can'
  return uncovered(source, [...documents, ...script.commands.map(({ pos, end }) => [pos, end] as const)])
}

function uncovered(source: string, covered: readonly Span[]): string | null {
  let at = 0
  for (const [from, to] of [...covered.toSorted(([a], [b]) => a - b), [source.length, source.length] as const]) {
    const gap = source.slice(at, Math.max(at, from))
    if (!isEmpty(gap)) return `a part of it means nothing: ${gap.trim().slice(0, 60)}`
    at = Math.max(at, to)
  }
  return null
}

/** Whether a text between commands consists only of separators and comments. */
function isEmpty(gap: string): boolean {
  return /^\s*[;&]?\s*$/.test(gap.replaceAll(/(^|[\s;&])#[^\n]*/g, '$1').replaceAll('\\\n', ''))
}

/** Two values side by side, or a separator, in arithmetic: the text is not the arithmetic that the parser took it for. */
function operandsIn(node: SyntaxNode & { pos: number; end: number }, source: string): string[] {
  const nested: string[] = []
  const visit = (one: SyntaxNode): void => {
    if (
      'text' in one &&
      (one.type === 'CommandExpansion' ||
        one.type === 'ArithmeticCommandExpansion' ||
        one.type === 'ParameterExpansion')
    ) {
      nested.push(one.text)
    } else forEachChild(one, visit)
  }
  visit(node)
  const text = nested.reduce((rest, part) => rest.replace(part, () => 'v'), source.slice(node.pos, node.end))
  return /;|[\w$"')]\s+[\w$"'(]|<<<|>>>/.test(text) ? [text.slice(0, 60)] : []
}
