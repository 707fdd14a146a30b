/** The text of a rule and its meaning. docs/policy.md documents the grammar. */
import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import { PLACES, type Place } from './places.ts'
import type { Decision } from './port.ts'

/** A command: a program, options in any order and spelling, and other words in this order, starting with the first. */
export interface CommandPattern {
  readonly kind: 'command'
  readonly program: string
  /**
   * Options with one dash and several letters (`-rf`, `-delete`) keep their dash. They mean all of the letters, or that word.
   */
  readonly flags: readonly { readonly name: string; readonly value: string | null }[]
  readonly words: readonly string[]
  readonly places: readonly Place[]
  /** Whether the command must contain nothing else. */
  readonly exact: boolean
}

export interface RedirectPattern {
  readonly kind: 'redirect'
  readonly effect: 'read' | 'write'
  readonly place: Place | null
  /** Path pattern: absolute, `~/...`, or relative to the workspace. */
  readonly path: string | null
}

export interface Rule {
  readonly id: string
  readonly decision: Decision
  readonly text: string
  readonly pattern: CommandPattern | RedirectPattern
  readonly reason: string
}

/** The rules of a policy. A deny in any layer wins. For ask and allow, the first layer with a matching rule decides. */
export interface PolicyRules {
  /** Rules of the configuration. */
  readonly own: readonly Rule[]
  /** Rules of the named presets, which allow. */
  readonly presets: readonly Rule[]
  readonly builtin: readonly Rule[]
  readonly readOnly: readonly Rule[]
  readonly readers: readonly Rule[]
  /** Whether commands that no rule allows are denied. */
  readonly strict: boolean
}

/** Lists of rule texts, as in `policy.commands`. */
export interface RuleTexts {
  readonly allow: readonly string[]
  readonly ask: readonly string[]
  readonly deny: readonly string[]
}

export const RULE_GRAMMAR =
  'a rule such as "npm test", "git push --force", "rm -r @outside", "= make all" or "> @system" (docs/policy.md)'

const LONGEST = 500

/** What is wrong with the text of a rule; null: nothing. */
export function ruleProblem(text: string): string | null {
  try {
    parsePattern(text)
    return null
  } catch (error) {
    if (error instanceof BelayError) return error.message
    throw error
  }
}

/** Parses a rule. Throws BelayError `policy_rule` for an invalid text. */
export function parseRule(text: string, decision: Decision, id: string, reason: string): Rule {
  return { id, decision, text, pattern: parsePattern(text), reason }
}

function parsePattern(text: string): Rule['pattern'] {
  if (text.length > LONGEST) throw wrong(text, `a rule has at most ${LONGEST} characters`)
  const words = split(text)
  const [first, second, ...more] = words
  if (first === undefined) throw wrong(text, 'a rule names a program')
  if (first === '>' || first === '<') {
    if (second === undefined || more.length > 0) throw wrong(text, `"${first}" is followed by one place or path`)
    const effect = first === '>' ? 'write' : 'read'
    return second.startsWith('@')
      ? { kind: 'redirect', effect, place: place(second, text), path: null }
      : { kind: 'redirect', effect, place: null, path: second }
  }
  const exact = first === '='
  const [program, ...rest] = exact ? words.slice(1) : words
  if (program === undefined || program.startsWith('-') || program.startsWith('@')) {
    throw wrong(text, 'a rule begins with a program')
  }
  if (/[;&|<>$`(){}]/.test(program))
    throw wrong(text, 'a rule is about one command, and a program is a name, a path or a pattern')
  const flags = rest.filter((word) => /^-./.test(word) && word !== '--')
  const places = rest.filter((word) => word.startsWith('@')).map((word) => place(word, text))
  const plain = rest.filter((word) => !/^-./.test(word) && !word.startsWith('@'))
  const stray = plain.find((word) => /^(\|\|?|&&?|;|>>?|<)$/.test(word))
  if (stray !== undefined) throw wrong(text, `"${stray}" cannot stand in a rule: write one rule for each command`)
  return {
    kind: 'command',
    program,
    flags: flags.map((flag) => {
      const at = flag.startsWith('--') ? flag.indexOf('=') : -1
      return at < 0 ? { name: flag, value: null } : { name: flag.slice(0, at), value: flag.slice(at + 1) }
    }),
    words: plain.filter((word) => word !== '--'),
    places,
    exact,
  }
}

function place(word: string, text: string): Place {
  const name = word.slice(1)
  const found = PLACES.find((one) => one === name)
  if (found) return found
  const near = nearest(name, PLACES)
  const hint = near === null ? '' : `; did you mean @${near}?`
  throw wrong(text, `there is no place "${word}" (${PLACES.map((one) => `@${one}`).join(', ')})${hint}`)
}

/** Splits at white space; quotes keep a word together. */
function split(text: string): string[] {
  const words = text.trim().match(/(?:[^\s"']|"[^"]*"|'[^']*')+|["']/g) ?? []
  if (words.some((word) => word === '"' || word === "'")) throw wrong(text, 'a quote is not closed')
  return words.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, a?: string, b?: string) => a ?? b ?? ''))
}

function wrong(text: string, message: string): BelayError {
  return new BelayError('policy_rule', message, { expected: RULE_GRAMMAR, received: text, next: 'see docs/policy.md' })
}

/** The rules of three lists. Ids are `PREFIX/DECISION-N`, counted from 1. */
export function rulesFrom(texts: RuleTexts, prefix: string, why: string): Rule[] {
  return (['deny', 'ask', 'allow'] as const).flatMap((decision) =>
    texts[decision].map((text, i) => parseRule(text, decision, `${prefix}/${decision}-${i + 1}`, `${why}: ${text}`)),
  )
}
