/** Whether a rule applies to a command. */
import { matchesGlob, join, isAbsolute } from 'node:path'
import type { Arg } from './shell/arg.ts'
import { resolvedIn, type Cwds } from './shell/folders.ts'
import { placesOf, type Place, type Surroundings } from './places.ts'
import { flagSpec } from './programs/flags.ts'
import { fits, hasOption, partsOf, type Parts } from './programs/options.ts'
import type { CommandPattern, RedirectPattern } from './rules.ts'

export type Match = 'yes' | 'maybe' | 'no'

/** A command whose program is known, with its arguments. */
export interface Invocation {
  readonly part: string
  readonly program: Program
  readonly args: readonly Arg[]
  readonly parts: Parts
  readonly cwds: Cwds
}

export interface Program {
  /** Last part of the path, as rules name it. */
  readonly name: string
  /** As written, if it contains a slash; null for a bare name. */
  readonly path: string | null
  /** A bare name, or in a folder of system programs, so that the program is what its name says. */
  readonly trusted: boolean
}

const SYSTEM_PROGRAMS = /^\/(usr\/(local\/)?)?s?bin\/[^/]+$|^\/opt\/homebrew\/bin\/[^/]+$/

export function programOf(name: string): Program {
  if (!name.includes('/')) return { name, path: null, trusted: true }
  return { name: name.slice(name.lastIndexOf('/') + 1), path: name, trusted: SYSTEM_PROGRAMS.test(name) }
}

export function invocation(part: string, name: string, args: readonly Arg[], cwds: Cwds): Invocation {
  const program = programOf(name)
  return { part, program, args, parts: partsOf(args, flagSpec(program.name)), cwds }
}

/**
 * Whether a rule matches a command. `allow`: a rule that allows, which must match certainly; for others a possible match
 * counts.
 */
export function matchCommand(rule: CommandPattern, one: Invocation, around: Surroundings, allow: boolean): Match {
  if (!matchesProgram(rule.program, one, around, allow)) return 'no'
  const spec = flagSpec(one.program.name)
  const all: Match[] = [
    ...rule.flags.map((flag) => hasOption(one.parts, flag, spec)),
    words(rule.words, one.parts, allow),
    ...rule.places.map((place) => inPlace(place, one, around)),
  ]
  if (rule.exact) all.push(counted(rule.flags.length + rule.words.length + rule.places.length, one.parts))
  return all.includes('no') ? 'no' : all.includes('maybe') ? 'maybe' : 'yes'
}

/** Whether there are `named` arguments, some of which may become none or several. */
function counted(named: number, { options, words: others, hidden }: Parts): Match {
  const args = [...options.map(({ arg }) => arg), ...others]
  if (!args.some(({ many }) => many)) return args.length !== named ? 'no' : hidden.length === 0 ? 'yes' : 'maybe'
  return args.filter(({ kind, many }) => !many || kind === 'glob').length <= named ? 'maybe' : 'no'
}

function matchesProgram(pattern: string, one: Invocation, around: Surroundings, allow: boolean): boolean {
  if (pattern.includes('/')) {
    const wanted = isAbsolute(pattern) ? pattern : join(around.workspace, pattern)
    const { path } = one.program
    return path !== null && one.cwds.every((cwd) => fits(resolvedIn(cwd, path) ?? '', wanted))
  }
  return fits(one.program.name, pattern) && (!allow || one.program.trusted)
}

/** Whether the rule's words are the command's first words; only values of unknown options may precede them. */
function words(wanted: readonly string[], parts: Parts, allow: boolean): Match {
  if (wanted.length === 0) return 'yes'
  let best: Match = 'no'
  for (let from = 0; from <= parts.words.length; from++) {
    const found = wordsFrom(wanted, parts, from)
    if (found === 'yes') return 'yes'
    if (found === 'maybe') best = 'maybe'
    if (allow || parts.afterUnknown[from] !== true) break
  }
  return best
}

function wordsFrom(wanted: readonly string[], parts: Parts, from: number): Match {
  let result: Match = 'yes'
  for (const [i, pattern] of wanted.entries()) {
    const arg = parts.words[from + i]
    if (arg === undefined) return parts.hidden.length > 0 ? 'maybe' : 'no'
    if (arg.kind === 'static') {
      if (!fits(arg.value, pattern)) return result === 'maybe' ? 'maybe' : 'no'
    } else {
      const literal = pattern.split('*')[0] ?? ''
      if (!arg.many && !arg.head.startsWith(literal) && !literal.startsWith(arg.head)) return 'no'
      result = 'maybe'
    }
  }
  return result
}

/** Whether some argument, or value of an option, is such a place. */
function inPlace(place: Place, one: Invocation, around: Surroundings): Match {
  let result: Match = 'no'
  const args = [...one.parts.words, ...one.parts.options.flatMap(({ value }) => (value ? [value] : []))]
  for (const arg of args) {
    const places = placesOfArg(arg, one.cwds, around)
    if (places === null) result = 'maybe'
    else if (places.has(place)) return 'yes'
  }
  return result
}

/** Every kind of place that `arg` may be; null: unknown. */
export function placesOfArg(arg: Arg, cwds: Cwds, around: Surroundings): ReadonlySet<Place> | null {
  if (arg.kind === 'dynamic') return null
  const text = arg.kind === 'static' ? arg.value : globFolder(arg)
  if (text === null) return null
  const all = new Set<Place>()
  for (const cwd of cwds) {
    const path = resolvedIn(cwd, text)
    if (path === null) return null
    for (const place of placesOf(path, around)) all.add(place)
  }
  if (arg.kind === 'glob') describeGlob(arg, all)
  // A pattern there may match files with secrets without naming them.
  if (arg.kind === 'glob' && /^\/(etc|proc|run|var)(\/|$)/.test(text)) all.add('env')
  return all
}

/** The folder in which a pattern looks; null: it may lead out of that folder. */
function globFolder(arg: Arg): string | null {
  const rest = arg.value.slice(arg.head.length)
  if (/(^|\/)\.\.(\/|$)/.test(rest)) return null
  const folder = arg.head.slice(0, arg.head.lastIndexOf('/') + 1)
  return folder === '' ? '.' : folder
}

/** Adjusts `places` to what a pattern may match in its folder. */
function describeGlob(arg: Arg, places: Set<Place>): void {
  const name = arg.value.slice(arg.head.lastIndexOf('/') + 1)
  // `*.log` matches some files of the folder; `*` is the whole folder.
  if (places.has('workspace') && /[^*.?/]/.test(name)) places.delete('root')
  if (name.startsWith('.') && !/^\.[a-df-fh-zA-Z_]/.test(name)) {
    places.add('env')
    places.add('git')
  }
}

/** Whether a redirect rule matches a redirect. */
export function matchRedirect(
  rule: RedirectPattern,
  redirect: { readonly effect: 'read' | 'write' | 'both'; readonly target: Arg },
  cwds: Cwds,
  around: Surroundings,
): Match {
  if (redirect.effect !== 'both' && redirect.effect !== rule.effect) return 'no'
  const { target } = redirect
  if (rule.place !== null) {
    const places = placesOfArg(target, cwds, around)
    return places === null ? 'maybe' : places.has(rule.place) ? 'yes' : 'no'
  }
  if (target.kind !== 'static') return 'maybe'
  const pattern = (rule.path ?? '').replace(/^~(?=\/|$)/, () => around.home)
  const wanted = isAbsolute(pattern) ? pattern : join(around.workspace, pattern)
  const paths = cwds.map((cwd) => resolvedIn(cwd, target.value))
  if (paths.includes(null)) return 'maybe'
  return paths.some((path) => path === wanted || matchesGlob(path ?? '', wanted)) ? 'yes' : 'no'
}
