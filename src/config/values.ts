/** Plain values from files: look-up, protection against hostile shapes, and merging of layers. */
import { DEFAULT_PROVIDER } from './providers.ts'
import type { KeyPath, SchemaNode } from './keys.ts'

export type Mapping = Record<string, unknown>

/** Keys that would reach an object's prototype if they were copied carelessly. */
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

const MAX_DEPTH = 32

export function isMapping(value: unknown): value is Mapping {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !(value instanceof Date)
}

/** The value at a path, or undefined; own properties only. */
export function valueAt(value: unknown, path: KeyPath): unknown {
  let here = value
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined
    here = (here as Record<string | number, unknown>)[part]
  }
  return here
}

/** Paths of forbidden keys, and of what is nested too deep. */
export function hostilePaths(value: unknown, path: KeyPath = []): KeyPath[] {
  if (typeof value !== 'object' || value === null) return []
  if (path.length > MAX_DEPTH) return [path]
  const found: KeyPath[] = []
  for (const [key, child] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key]
    if (FORBIDDEN.has(key)) found.push(at)
    else found.push(...hostilePaths(child, at))
  }
  return found
}

/** `value` without empty sections, which a file has when all keys of a section are commented out. */
export function withoutEmptySections(value: unknown, node: SchemaNode): unknown {
  if (!isMapping(value) || !node.properties) return value
  const kept: Mapping = {}
  for (const [key, child] of Object.entries(value)) {
    if (FORBIDDEN.has(key)) continue
    const known = Object.hasOwn(node.properties, key) ? node.properties[key] : undefined
    if (child === null && known?.type === 'object') continue
    kept[key] = known ? withoutEmptySections(child, known) : child
  }
  return kept
}

/** `upper` over `lower`: mappings are merged key by key; everything else, including lists, is replaced. */
export function overlay(lower: Mapping, upper: Mapping): Mapping {
  const merged: Mapping = { ...lower }
  for (const [key, value] of Object.entries(upper)) {
    if (FORBIDDEN.has(key)) continue
    const below = merged[key]
    merged[key] = isMapping(below) && isMapping(value) ? overlay(below, value) : value
  }
  return merged
}

const ROLES = ['implementer', 'reviewer'] as const

/** Settings that make no sense for another provider. */
const OF_PROVIDER: ReadonlySet<string> = new Set(['model', 'effort', 'command'])

/**
 * A layer over the ones below it, like `overlay`. If it names another provider for a role, that role's model, effort and
 * command from below are dropped, so that `--implementer claude` does not run claude with codex's model.
 */
export function overlayLayer(lower: Mapping, upper: Mapping): Mapping {
  let below = lower
  for (const role of ROLES) {
    const path = ['workflow', 'roles', role]
    const old = valueAt(lower, path)
    const provider = valueAt(upper, [...path, 'provider'])
    if (!isMapping(old) || provider === undefined || provider === providerOf(old)) continue
    const kept = Object.fromEntries(Object.entries(old).filter(([key]) => !OF_PROVIDER.has(key)))
    below = replaceRole(below, role, kept)
  }
  return overlay(below, upper)
}

function replaceRole(config: Mapping, role: string, value: Mapping): Mapping {
  const workflow = config['workflow'] as Mapping
  const roles = workflow['roles'] as Mapping
  return { ...config, workflow: { ...workflow, roles: { ...roles, [role]: value } } }
}

/** The provider of a role, configured or by default. */
export function providerOf(role: Mapping): unknown {
  return role['provider'] ?? (role['command'] === undefined ? DEFAULT_PROVIDER : 'command')
}

/** A mapping that contains only one value, at `path`. */
export function nested(path: readonly string[], value: unknown): Mapping {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Mapping
}
