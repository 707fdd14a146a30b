/**
 * Keys of the user's own file that a project's file can only add to, because a project's file may come from anybody, or from an
 * agent.
 */
import type { KeyPath } from './keys.ts'
import { isMapping, overlay, valueAt, type Mapping } from './values.ts'

const TOGETHER: readonly KeyPath[] = [
  ['policy', 'commands', 'allow'],
  ['policy', 'commands', 'ask'],
  ['policy', 'commands', 'deny'],
  ['policy', 'presets'],
]

/** The project's values, with the user's rules and presets before its own. Both must be valid on their own. */
export function withOwnRules(project: Mapping, user: Mapping): Mapping {
  return TOGETHER.reduce((value, path) => {
    const [own, added] = [valueAt(user, path), valueAt(value, path)]
    if (!Array.isArray(own) || !Array.isArray(added)) return value
    return overlay(value, nested(path, [...new Set<unknown>([...own, ...added])]))
  }, project)
}

function nested(path: KeyPath, value: unknown): Mapping {
  const made = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
  return isMapping(made) ? made : {}
}
