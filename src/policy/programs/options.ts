/** Splits the arguments of a command into options, in any spelling, and other words. */
import { isFlag, known, mayBeFlag, unknown, type Arg } from '../shell/arg.ts'
import type { FlagSpec } from './flags.ts'

export interface Option {
  /** As written, without the value: `--force`, `-rf`. */
  readonly name: string
  readonly value: Arg | null
  readonly arg: Arg
}

export interface Parts {
  readonly options: readonly Option[]
  readonly words: readonly Arg[]
  /** For each word, whether it follows an option of which it is unknown whether it takes a value. */
  readonly afterUnknown: readonly boolean[]
  /** Arguments that may become options, or no argument at all. */
  readonly hidden: readonly Arg[]
}

/** Splits `args` (without the program). `spec` null: any option may or may not take a value. */
export function partsOf(args: readonly Arg[], spec: FlagSpec | null): Parts {
  const options: Option[] = []
  const words: Arg[] = []
  const afterUnknown: boolean[] = []
  const hidden: Arg[] = []
  let doubtful = false
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    if (arg === undefined) break
    if (arg.kind === 'static' && arg.value === '--') {
      for (const rest of args.slice(i + 1)) {
        words.push(rest)
        afterUnknown.push(false)
        if (rest.many && rest.kind === 'dynamic') hidden.push(rest)
      }
      break
    }
    if (!isFlag(arg)) {
      if (mayBeFlag(arg)) hidden.push(arg)
      words.push(arg)
      afterUnknown.push(doubtful)
      doubtful = false
      continue
    }
    if (arg.kind !== 'static') hidden.push(arg)
    const option = optionOf(arg)
    const takes = option.value === null && valued(option.name, spec)
    const next = takes ? args[i + 1] : undefined
    options.push(next === undefined ? option : { ...option, value: next })
    if (next !== undefined) i += 1
    doubtful = spec === null && option.value === null
  }
  return { options, words, afterUnknown, hidden }
}

function optionOf(arg: Arg): Option {
  const text = arg.kind === 'static' ? arg.value : arg.head
  const at = text.startsWith('--') ? text.indexOf('=') : -1
  if (at < 0) return { name: text, value: null, arg }
  const rest = text.slice(at + 1)
  const value: Arg = { ...arg, value: arg.kind === 'static' ? rest : arg.value, head: rest }
  return { name: text.slice(0, at), value, arg }
}

/** Whether the option takes the next argument: it is known to, or the last letter of a cluster (`-am TEXT`) does. */
function valued(name: string, spec: FlagSpec | null): boolean {
  if (spec === null) return false
  if (spec.valued.has(name)) return true
  if (name.startsWith('--') || spec.oneDash) return false
  // Letters after one that takes a value are that value.
  const letters = name.slice(1).split('')
  const first = letters.findIndex((letter) => spec.valued.has(`-${letter}`))
  return first >= 0 && first === letters.length - 1
}

/**
 * Whether the option `wanted` (`-r`, `-rf`, `--force`, `-delete`) is among `parts`: as written, in a cluster, in an equivalent
 * spelling, or abbreviated. `maybe`: an unknown argument could be it.
 */
export function hasOption(
  parts: Parts,
  wanted: { readonly name: string; readonly value: string | null },
  spec: FlagSpec | null,
): 'yes' | 'maybe' | 'no' {
  const given = parts.options.some((option) => {
    if (wanted.value !== null && !fits(option.value?.value ?? '', wanted.value)) return false
    return names(option.name, spec).has(canonical(wanted.name, spec)) || abbreviates(option.name, wanted.name, spec)
  })
  if (given) return 'yes'
  const letters = /^-[^-]./.test(wanted.name) && spec?.oneDash !== true ? wanted.name.slice(1).split('') : []
  if (letters.length > 0) {
    const each = letters.map((letter) => hasOption(parts, { name: `-${letter}`, value: null }, spec))
    if (each.every((one) => one === 'yes')) return 'yes'
    if (each.every((one) => one !== 'no')) return 'maybe'
  }
  return parts.hidden.length > 0 ? 'maybe' : 'no'
}

function canonical(name: string, spec: FlagSpec | null): string {
  return spec?.same.get(name) ?? name
}

/**
 * The option as its program reads it: of equivalent names the first, and of a cluster (`-qO x`, `-qOx`) the letter that takes the
 * value.
 */
export function spelled({ name, value, arg }: Option, spec: FlagSpec | null): Option {
  const one = (at: number, given: Arg | null): Option => ({
    name: canonical(name.slice(0, at), spec),
    value: given,
    arg,
  })
  const from = (at: number): Arg =>
    arg.kind === 'static' ? known(name.slice(at), arg.raw) : unknown(arg.raw, name.slice(at), false)
  if (name.startsWith('--')) return one(name.length, value)
  if (spec === null || spec.oneDash) {
    const equals = name.indexOf('=')
    return value !== null || equals < 2 ? one(name.length, value) : one(equals, from(equals + 1))
  }
  const letters = /^-(\w*)/.exec(name)?.[1] ?? ''
  const at = letters.split('').findIndex((letter) => spec.valued.has(`-${letter}`)) + 1
  if (at < 1) return one(name.length, value)
  return { ...one(0, value ?? from(at + 1)), name: canonical(`-${name.charAt(at)}`, spec) }
}

/** Everything that an option as written can mean. */
function names(name: string, spec: FlagSpec | null): Set<string> {
  const found = new Set([canonical(name, spec)])
  if (!name.startsWith('--') && name.length > 2 && spec?.oneDash !== true) {
    for (const letter of name.slice(1)) {
      found.add(canonical(`-${letter}`, spec))
      if (spec?.valued.has(`-${letter}`)) break
    }
  }
  return found
}

/**
 * Whether `given` abbreviates `wanted`: `--forc` is `--force` wherever options may be abbreviated, which is nearly everywhere.
 */
function abbreviates(given: string, wanted: string, spec: FlagSpec | null): boolean {
  if (!given.startsWith('--') || given.length < 3) return false
  const spellings = [
    wanted,
    ...[...(spec?.same ?? [])].flatMap(([one, head]) => (head === canonical(wanted, spec) ? [one] : [])),
  ]
  return spellings.some((one) => one.startsWith('--') && one.startsWith(given))
}

/** Whether `text` matches a pattern in which only `*` is special and matches anything. */
export function fits(text: string, pattern: string): boolean {
  const parts = pattern.split('*')
  if (parts.length === 1) return text === pattern
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= text.length - last.length
}
