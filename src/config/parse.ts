/** Parses the text of a configuration file into plain values, and knows the line of each key. */
import { TomlError, parse as parseToml } from 'smol-toml'
import { LineCounter, isMap, isScalar, isSeq, isAlias, parseDocument, type Document } from 'yaml'
import { messageOf } from '../core/errors.ts'
import { head, printable } from '../core/text.ts'
import type { KeyPath } from './keys.ts'
import { unreadable, type Locate, type Problem } from './problems.ts'

export type Format = 'yaml' | 'toml'

export interface Parsed {
  readonly value: unknown
  readonly locate: Locate
  /** Like `locate`, with the column after the line where it is known. */
  readonly locateExactly: Locate
  readonly problems: readonly Problem[]
}

/** More uses of anchors than any real file has, and far fewer than an attack needs. */
const MAX_ALIASES = 100

/** Parses `text`. Errors are in `problems` (then `value` is an empty mapping). `name` is what problems call the text. */
export function parseText(text: string, format: Format, name: string): Parsed {
  try {
    return format === 'yaml' ? readYaml(text, name) : readToml(text, name)
  } catch (error) {
    // Both parsers throw on what they refuse (aliases, depth). A RangeError means that nesting used up the stack.
    const received = error instanceof RangeError ? 'something nested too deep' : firstLine(messageOf(error))
    return broken([unreadable(name, `a readable ${format.toUpperCase()} file`, received)])
  }
}

function broken(problems: readonly Problem[]): Parsed {
  return { value: {}, locate: () => '', locateExactly: () => '', problems }
}

function readYaml(text: string, name: string): Parsed {
  const counter = new LineCounter()
  const doc = parseDocument(text, { lineCounter: counter, prettyErrors: false, merge: true })
  const faults = [...doc.errors, ...doc.warnings]
  if (faults.length > 0) {
    return broken(
      faults.map((fault) => {
        const { line, col } = counter.linePos(fault.pos[0])
        return { ...unreadable(`${name}:${line}`, 'valid YAML', firstLine(fault.message)), column: col }
      }),
    )
  }
  const value: unknown = doc.toJS({ maxAliasCount: MAX_ALIASES })
  return {
    value: value ?? {},
    problems: [],
    locate: (path) => {
      const offset = yamlOffset(doc, path)
      return offset === null ? name : `${name}:${counter.linePos(offset).line}`
    },
    locateExactly: (path) => {
      const offset = yamlOffset(doc, path)
      const { line, col } = counter.linePos(offset ?? 0)
      return offset === null ? name : `${name}:${line}:${col}`
    },
  }
}

/** Offset of the deepest key of `path` that is in the document. */
function yamlOffset(doc: Document, path: KeyPath): number | null {
  let node: unknown = doc.contents
  let offset: number | null = null
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(doc)
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      if (!pair) return offset
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
      node = pair.value
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part]
      offset = isMap(node) || isScalar(node) || isSeq(node) ? (node.range?.[0] ?? offset) : offset
    } else return offset
  }
  return offset
}

function readToml(text: string, name: string): Parsed {
  try {
    const value: unknown = parseToml(text)
    const locate: Locate = (path) => withLine(name, tomlLine(text, path))
    return { value, problems: [], locate, locateExactly: locate }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return broken([unreadable(`${name}:${error.line}`, 'valid TOML', firstLine(error.message))])
  }
}

function withLine(name: string, line: number | null): string {
  return line === null ? name : `${name}:${line}`
}

/**
 * The line of the deepest key of `path` that a line-by-line search finds: table headers, and `key =` at the start of a line.
 * Only used to point at a place, never to understand the file.
 */
function tomlLine(text: string, path: KeyPath): number | null {
  const wanted = path.filter((part) => typeof part === 'string').join('.')
  let table = ''
  let best: { line: number; length: number } | null = null
  for (const [i, line] of text.split('\n').entries()) {
    const header = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/.exec(line)?.[1]
    const key = /^\s*([\w.\-"' ]+?)\s*=/.exec(line)?.[1]
    if (header !== undefined) table = bare(header)
    const full = header === undefined ? (key === undefined ? null : join(table, bare(key))) : table
    if (full === null || (full !== wanted && !wanted.startsWith(`${full}.`))) continue
    if (best === null || full.length > best.length) best = { line: i + 1, length: full.length }
  }
  return best?.line ?? null
}

function bare(key: string): string {
  return key.replace(/["']/g, '').replace(/\s*\.\s*/g, '.')
}

function join(table: string, key: string): string {
  return table === '' ? key : `${table}.${key}`
}

function firstLine(message: string): string {
  return printable(head(message.split('\n', 1)[0] ?? '', 200))
}
