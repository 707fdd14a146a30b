/** The known keys, read from the JSON Schema: for suggestions, environment variables and the reference. */
import { nearest } from '../core/text.ts'
import { configJsonSchema } from './schema.ts'

export type KeyPath = readonly (string | number)[]

/** The parts of JSON Schema that the configuration's schema uses. */
export interface SchemaNode {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  /** Schema of the values of a mapping with arbitrary keys. */
  readonly additionalProperties?: SchemaNode | boolean
  readonly anyOf?: readonly SchemaNode[]
  readonly minimum?: number
  readonly maximum?: number
  readonly required?: readonly string[]
}

/** A setting: a key that holds a value instead of further known keys. */
export interface Leaf {
  readonly path: readonly string[]
  readonly node: SchemaNode
}

let cached: SchemaNode | undefined

export function rootNode(): SchemaNode {
  cached ??= configJsonSchema() as SchemaNode
  return cached
}

/** All settings, in schema order. */
export function leaves(root = rootNode()): readonly Leaf[] {
  return walk(root, [])
}

function walk(node: SchemaNode, path: readonly string[]): Leaf[] {
  if (!node.properties) return [{ path, node }]
  return Object.entries(node.properties).flatMap(([key, child]) => walk(child, [...path, key]))
}

/** The schema at a path; null if the path leads to nothing known. `root` is the schema of the whole file. */
export function nodeAt(path: KeyPath, root = rootNode()): SchemaNode | null {
  let node: SchemaNode | undefined = root
  for (const part of path) {
    const options: readonly SchemaNode[] = node.anyOf ?? [node]
    const holder: SchemaNode | undefined = options.find((option) =>
      typeof part === 'number' ? option.items : (option.properties ?? isNode(option.additionalProperties)),
    )
    if (!holder) return null
    const properties: Readonly<Record<string, SchemaNode>> = holder.properties ?? {}
    node = typeof part === 'number' ? holder.items : Object.hasOwn(properties, part) ? properties[part] : ofAny(holder)
    if (!node) return null
  }
  return node
}

function isNode(node: SchemaNode['additionalProperties']): node is SchemaNode {
  return typeof node === 'object'
}

function ofAny({ additionalProperties: node }: SchemaNode): SchemaNode | undefined {
  return isNode(node) ? node : undefined
}

/** Names of the keys that the mapping at `path` may have. */
export function keysAt(path: KeyPath, root = rootNode()): readonly string[] {
  const node = nodeAt(path, root)
  const holder = node?.anyOf?.find((option) => option.properties) ?? node
  return Object.keys(holder?.properties ?? {})
}

/** A path as text, such as `verify.commands[0].timeout`. */
export function keyText(path: KeyPath): string {
  let text = ''
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`
  return text === '' ? '(the whole file)' : text
}

/** The full name of the key that an unknown one was probably meant to be, or null. */
export function suggestKey(path: KeyPath, root = rootNode()): string | null {
  const parent = path.slice(0, -1)
  const wanted = String(path.at(-1))
  const sibling = nearest(wanted, keysAt(parent, root))
  if (sibling !== null) return keyText([...parent, sibling])
  const elsewhere = leaves(root).find((leaf) => leaf.path.at(-1) === wanted)
  return elsewhere ? elsewhere.path.join('.') : null
}
