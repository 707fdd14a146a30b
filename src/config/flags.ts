/** The layers that are not files: environment variables, `--set` and dedicated flags. */
import { leaves } from './keys.ts'
import { parseText } from './parse.ts'
import { unreadable, type Locate, type Problem } from './problems.ts'
import { head, nearest, printable } from '../core/text.ts'
import { hostilePaths, nested, overlay, valueAt, type Mapping } from './values.ts'

/** A setting given by a dedicated flag, e.g. `--max-iterations 3`; it overrides `--set`. */
export interface FlagValue {
  /** The dotted key, e.g. `task.max_iterations`. */
  readonly key: string
  /** The value as it would be in the file. */
  readonly value: unknown
  /** What problems call it, e.g. `--max-iterations`. */
  readonly flag: string
}

export interface Layer {
  readonly value: Mapping
  readonly locate: Locate
  readonly problems: readonly Problem[]
}

interface Entry {
  readonly path: readonly string[]
  readonly value: unknown
  readonly name: string
}

/** Environment variable of a setting: `task.max_iterations` is `BELAY_TASK__MAX_ITERATIONS`. */
export function variableOf(path: readonly string[]): string {
  return `BELAY_${path.join('__').toUpperCase()}`
}

/** Settings from the environment. Values are parsed as YAML; an empty variable counts as not set. */
export function envLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const known = new Map(leaves().map((leaf) => [variableOf(leaf.path), leaf.path]))
  const entries: Entry[] = []
  const problems: Problem[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('BELAY_') || text === undefined || text === '') continue
    const path = known.get(name)
    // Only settings have two underscores in their variable; others, like BELAY_HOME, are left alone.
    if (path) readValue(text, name, path, entries, problems)
    else if (name.includes('__')) problems.push(unknownVariable(name, [...known.keys()]))
  }
  return layerOf(entries, problems)
}

function unknownVariable(name: string, known: readonly string[]): Problem {
  const meant = nearest(name, known)
  const expected =
    meant === null ? 'a variable that names a setting' : `a variable that names a setting, such as ${meant}`
  return unreadable('environment', expected, name)
}

/** Settings from `--set KEY=VALUE` (values are parsed as YAML) and from dedicated flags, which override them. */
export function flagLayer(set: readonly string[], flags: readonly FlagValue[]): Layer {
  const entries: Entry[] = []
  const problems: Problem[] = []
  for (const item of set) {
    const at = item.indexOf('=')
    const key = item.slice(0, Math.max(at, 0)).trim()
    if (key === '' || key.split('.').includes('')) {
      problems.push(
        unreadable('--set', 'KEY=VALUE with a dotted key, such as task.max_iterations=3', JSON.stringify(item)),
      )
    } else readValue(item.slice(at + 1), `--set ${key}`, key.split('.'), entries, problems)
  }
  for (const { key, value, flag } of flags) entries.push({ path: key.split('.'), value, name: flag })
  return layerOf(entries, problems)
}

function readValue(text: string, name: string, path: readonly string[], entries: Entry[], problems: Problem[]): void {
  const parsed = parseText(`value: ${text.includes('\n') ? JSON.stringify(text) : text}`, 'yaml', name)
  if (parsed.problems.length === 0) entries.push({ path, value: valueAt(parsed.value, ['value']), name })
  else problems.push(unreadable(name, 'a YAML value', JSON.stringify(printable(head(text, 80)))))
}

function layerOf(entries: readonly Entry[], problems: readonly Problem[]): Layer {
  let value: Mapping = {}
  const hostile: Problem[] = []
  for (const entry of entries) {
    const layer = nested(entry.path, entry.value)
    if (hostilePaths(layer).length > 0) hostile.push(unreadable(entry.name, 'a known key', entry.path.join('.')))
    else value = overlay(value, layer)
  }
  const locate: Locate = (path) => {
    const text = path.map(String)
    const from = entries.findLast(({ path: own }) => own.every((part, i) => i >= text.length || part === text[i]))
    return from?.name ?? 'the command line'
  }
  return { value, locate, problems: [...problems, ...hostile] }
}
