/** What of the user's own file a project's file adds to, and cannot take away: it may come from anybody, or from an agent. */
import type { KeyPath } from './keys.ts'
import { isMapping, overlay, valueAt, type Mapping } from './values.ts'

const TOGETHER: readonly KeyPath[] = [
  ['policy', 'commands', 'allow'],
  ['policy', 'commands', 'ask'],
  ['policy', 'commands', 'deny'],
  ['policy', 'presets'],
]

/** The project's values, with the user's rules and presets before those of the project's own. Both are valid by themselves. */
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
