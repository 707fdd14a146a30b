/** awk and sed: small languages that can run commands and open files. */
import { known, type Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import { doubt, type Inner } from './inner.ts'

const AWK = /^[gmn]?awk$/
const SED = /^g?sed$/

/** What the awk program or sed script of `one` runs in addition to itself. */
export function scriptInner(one: Invocation): Inner[] {
  if (AWK.test(one.program.name)) return awkInner(one)
  return SED.test(one.program.name) ? sedInner(one) : []
}

/** Whether the script is in a file, so that it is unknown whether it only reads. */
export function runsScriptFile({ program, args }: Invocation): boolean {
  if (AWK.test(program.name)) return args.some((arg) => /^(-[fEil]|--(fi|ex|inc|lo))/.test(arg.head))
  return SED.test(program.name) && args.some((arg) => /^(-[nErsuz]*f|--fi)/.test(arg.head))
}

function awkInner(one: Invocation): Inner[] {
  const { parts } = one
  const texts = [
    parts.words[0],
    ...parts.options.flatMap(({ name, value, arg }) => {
      if (name.startsWith('--so') || name === '-e') return value ? [value] : []
      return /^-e./.test(name) ? [{ ...arg, value: arg.value.slice(2) }] : []
    }),
  ]
  if (one.args.some((arg) => /^(-l|--lo)/.test(arg.head))) return [doubt('awk loads a library', 'builtin/inline-code')]
  if (texts.some((text) => text && hasEffects(text.value)))
    return [doubt('an awk program that runs commands or opens files', 'builtin/inline-code')]
  if (runsScriptFile(one)) return [] // a file of the workspace, with its arguments
  return texts.some((text) => text?.kind === 'dynamic') ? [doubt('an awk program that is not known')] : []
}

function hasEffects(text: string): boolean {
  return /\bsystem\s*\(|@\w+\s*\(|\|\s*getline|\|&|(print|printf)[^;}]*(\||>)|getline\s*<|@load|@include/.test(text)
}

/** In sed, `e` runs commands, and `w` and `r` open files. */
function sedInner({ args, parts }: Invocation): Inner[] {
  const scripts = args.flatMap((arg, i): Arg[] => {
    const next = args[i + 1]
    if (/^(-[nErsuz]*e|--e(x[a-z]*)?)$/.test(arg.value)) return next ? [next] : []
    const attached = /^(?:-[nErsuz]*e|--e[a-z]*=)(.+)$/s.exec(arg.value)?.[1]
    return attached === undefined || arg.kind !== 'static' ? [] : [known(attached, arg.raw)]
  })
  const first = parts.words[0]
  const all = scripts.length > 0 || !first ? scripts : [first]
  if (all.some((text) => text.kind === 'dynamic')) return [doubt('a sed script that is not known')]
  for (const { value } of all) {
    // As flags of s///, or as commands of their own.
    if (
      /(^|[;{}\n\s\d$/!])[ewW](\s|$|\/)/.test(value) ||
      /[|/,#!@:_][gpIiMm\d]*[ewW][gpIiMm\d]*(\s*$|\s*[;}\n\s])/.test(value) ||
      /(^|[;{}\n\s\d$/!])[rR]\s*(\/|~|\.\.)/.test(value)
    ) {
      return [doubt('a sed script that may run commands, or use other files', 'builtin/inline-code')]
    }
  }
  return []
}
