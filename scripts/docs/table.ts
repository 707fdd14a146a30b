/** Tables of configuration keys, from their JSON Schema. */
import { stringify } from 'yaml'
import type { SchemaNode } from '../../src/config/keys.ts'

/** A key as a row in the table of its section. */
export interface Row {
  readonly name: string
  readonly key: string
  readonly node: SchemaNode
  readonly required: boolean
}

/** Keys as a Markdown table. Throws for a key without a description or an example. */
export function table(rows: readonly Row[]): string {
  const lines = ['| key | type | default | what it does | example |', '|---|---|---|---|---|']
  for (const { name, key, node, required } of rows) {
    if (!node.description) throw new Error(`${name} has no description`)
    const example = exampleOf(key, node)
    lines.push(
      `| ${[code(name), typeOf(node), required ? 'required' : defaultOf(node), node.description, example].map(cell).join(' | ')} |`,
    )
  }
  return `${lines.join('\n')}\n`
}

function typeOf(node: SchemaNode): string {
  if (node.enum) return node.enum.map(code).join(', ')
  if (node.title) return node.title
  if (node.items) return `list of ${node.items.title ?? 'text'}${node.items.title ? 's' : ''}`
  if (node.type === 'integer') return `whole number, ${range(node)}`
  if (node.type === 'string') return 'text'
  return String(node.type)
}

function range(node: SchemaNode): string {
  return node.maximum === Number.MAX_SAFE_INTEGER ? `at least ${node.minimum}` : `${node.minimum} to ${node.maximum}`
}

function defaultOf(node: SchemaNode): string {
  if (node.default === undefined) return 'none'
  if (Array.isArray(node.default) && node.default.length > 3) return 'the usual lockfiles (see the schema)'
  return code(flow(node.default))
}

/** The key with an example value, as in a configuration file. */
function exampleOf(key: string, node: SchemaNode): string {
  const value = node.type === 'boolean' ? !node.default : (node.examples?.[0] ?? node.enum?.at(-1) ?? node.default)
  if (value === undefined) throw new Error(`${key} has no example`)
  return code(`${key}: ${flow(value)}`)
}

function flow(value: unknown): string {
  const text = stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 })
  return text.trim()
}

function code(text: string): string {
  return `\`${text}\``
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')
}
