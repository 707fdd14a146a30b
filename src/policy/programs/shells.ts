/** Shells and other interpreters: the text that they run. */
import type { Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import { doubt, textInner, type Inner } from './inner.ts'

const SHELLS = new Set([
  'sh',
  'bash',
  'dash',
  'ash',
  'zsh',
  'ksh',
  'mksh',
  'rbash',
  'fish',
  'csh',
  'tcsh',
  'xonsh',
  'nu',
  'pwsh',
  'elvish',
])
const BOURNE = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'mksh', 'rbash'])
const SHELL_VALUED = new Set(['-o', '+o', '-O', '+O', '--rcfile', '--init-file'])

interface Input {
  readonly kind: string
  readonly text?: string
}

/** `sh -c TEXT`, `sh <<EOF`, `sh FILE`. */
export function shellInner({ program, args }: Invocation, stdin: Input): Inner[] {
  const { name } = program
  if (!SHELLS.has(name)) return []
  let runs = false
  let reads = false
  let i = 0
  for (; i < args.length; i++) {
    const arg = args[i]
    if (arg === undefined) break
    if (arg.kind === 'dynamic' && /^(-.*)?$/.test(arg.head))
      return [doubt(`what ${name} runs is not known: ${arg.raw}`)]
    if (arg.value === '--' || arg.value === '-') {
      i += 1
      break
    }
    if (!/^[-+]/.test(arg.value)) break
    if (arg.value.startsWith('--')) {
      if (/^--(version|help)$/.test(arg.value)) return []
      if (/^--(rcfile|init-file)/.test(arg.value)) return [doubt(`${name} ${arg.value} runs a file`)]
    } else if (arg.value.startsWith('-')) {
      if (/c/.test(arg.value)) runs = true
      if (/s/.test(arg.value)) reads = true
    }
    // -o takes a name, also at the end of a cluster
    if (SHELL_VALUED.has(arg.value) || /^[-+][a-zA-Z]*[oO]$/.test(arg.value)) i += 1
  }
  const first = args[i]
  if (runs) {
    if (first === undefined) return [doubt(`${name} -c without a text`)]
    if (!BOURNE.has(name)) return [doubt(`the language of ${name} is not understood`)]
    return [textInner(first)]
  }
  if (first !== undefined && !reads) return [] // a file: judged like any program of that path
  return inputInner(name, stdin, BOURNE.has(name))
}

function inputInner(name: string, stdin: Input, understood: boolean): Inner[] {
  if (stdin.kind === 'inherited') return []
  if (stdin.kind === 'text' && understood) return [{ kind: 'script', text: stdin.text ?? '' }]
  return [doubt(`${name} runs what it reads`)]
}

/** Options with which an interpreter runs a text, and whether it runs its input without arguments. */
const INTERPRETERS: Readonly<Record<string, RegExp>> = {
  python: /^-[a-zA-Z]*c/,
  node: /^(-[ep]|-pe|--eval|--print)(=|$)/,
  nodejs: /^(-[ep]|-pe|--eval|--print)(=|$)/,
  bun: /^(-[ep]|--eval|--print)(=|$)/,
  deno: /^eval$/,
  perl: /^-[a-zA-Z0-9]*[eE]/,
  ruby: /^-[a-zA-Z]*e/,
  php: /^(-[rBRE]|--run)/,
  lua: /^-e/,
  Rscript: /^-e/,
  R: /^-e/,
  julia: /^(-[eE]|--eval|--print)/,
  groovy: /^-e/,
  scala: /^-e/,
  elixir: /^(-e|--eval)/,
  ghc: /^-e/,
  tclsh: /^$/,
  guile: /^-c/,
  sqlite3: /^\.(shell|system)/,
  vim: /^(-c|--cmd|\+|-S|-s)/,
  vi: /^(-c|\+)/,
  nvim: /^(-c|--cmd|\+|-S|-l)/,
  ex: /^(-c|\+|-s)/,
  emacs: /^--?(eval|execute|batch|script|l|load)/,
}
const READS_INPUT = new Set([
  'python',
  'node',
  'nodejs',
  'perl',
  'ruby',
  'php',
  'lua',
  'deno',
  'julia',
  'tclsh',
  'guile',
  'bun',
])

/** `python -c`, `node -e`: code that is not a shell's. */
export function interpreterInner({ program, args, parts }: Invocation, stdin: Input): Inner[] {
  const name = /^python[\d.]*$/.test(program.name)
    ? 'python'
    : (/^(perl|ruby|lua|php)[\d.]+$/.exec(program.name)?.[1] ?? program.name)
  const inline = Object.hasOwn(INTERPRETERS, name) ? INTERPRETERS[name] : undefined
  const found: Inner[] = []
  if (inline) {
    const end = scriptAt(args, name)
    const options = end < 0 ? args : args.slice(0, end)
    const code = options.find((arg) => inline.test(arg.head))
    if (code) found.push(doubt(`${name} runs code that is not a shell's`, 'builtin/inline-code'))
    const bare =
      args.every((arg) => arg.value === '-' || arg.value.startsWith('-')) &&
      !args.some((arg) => /^(-[vVh]|--version|--help|-m)/.test(arg.value))
    if (!code && bare && READS_INPUT.has(name) && stdin.kind !== 'inherited') {
      found.push(doubt(`${name} runs what it reads`, 'builtin/inline-code'))
    }
  }
  if (/^[gmn]?awk$/.test(name)) found.push(...awkInner(parts.words[0], parts))
  if (/^g?sed$/.test(name)) found.push(...sedInner(args, parts.words[0]))
  if (/^(bsdtar|tar|rsync|zip|7z)$/.test(name) && args.some((arg) => arg.kind === 'glob' && arg.head === '')) {
    found.push(doubt(`a file whose name begins with "-" would be an option of ${name}: write ./*`))
  }
  if (name === 'tar' || name === 'bsdtar') {
    const runs = args.find((arg) =>
      /^(--to-command|--checkpoint-action|--use-compress-program|-I|--rsh-command|--info-script|--new-volume-script|-F)/.test(
        arg.head,
      ),
    )
    if (runs && !/^(-I|--use-compress-program=?)\s*(zstd|xz|gzip|bzip2|pigz)?$/.test(runs.value))
      found.push(doubt(`tar ${runs.head} runs a program`))
  }
  if (name === 'rsync' && args.some((arg) => /^(-[a-zA-Z]*e|--rsh|--rsync-path)/.test(arg.head)))
    found.push(doubt('rsync runs a program'))
  if (name === 'rg' && args.some((arg) => /^--pre(=|$)|^--hostname-bin/.test(arg.head)))
    found.push(doubt('rg --pre runs a program'))
  if (name === 'sort' && args.some((arg) => arg.head.startsWith('--compress-pro')))
    found.push(doubt('sort --compress-program runs a program'))
  if (name === 'man' && args.some((arg) => /^(-P|--pager|-H|--html)/.test(arg.head)))
    found.push(doubt('man runs a program'))
  if (name === 'zip' && args.some((arg) => /^(-T?T|--unzip-command)/.test(arg.head)))
    found.push(doubt('zip -TT runs a program'))
  return found
}

/**
 * Where the script's file is: what comes after it is the script's. -1 when nobody knows: a word after an option may be the
 * option's value.
 */
function scriptAt(args: readonly Arg[], name: string): number {
  const at = args.findIndex((arg) => arg.kind !== 'static' || !/^([-+].*|eval)$/.test(arg.value))
  const before = args[at - 1]
  if (name === 'python' && before?.value === '-m') return at
  return args[at]?.kind === 'static' && (before === undefined || before.value === 'eval') ? at : -1
}

function awkInner(program: Arg | undefined, parts: Invocation['parts']): Inner[] {
  const texts = [
    program,
    ...parts.options.flatMap(({ name, value }) => (/^(-e|--source)$/.test(name) && value ? [value] : [])),
  ]
  if (parts.options.some(({ name }) => /^(-f|--file|-i|--include|-l|--load|-E|--exec)$/.test(name))) return [] // a file of the workspace
  if (texts.some((text) => text?.kind === 'dynamic')) return [doubt('an awk program that is not known')]
  if (
    texts.some(
      (text) =>
        text && /\bsystem\s*\(|\|\s*getline|\|&|(print|printf)[^;}]*(\||>)|getline\s*<|@load|@include/.test(text.value),
    )
  ) {
    return [doubt('an awk program that runs commands or opens files', 'builtin/inline-code')]
  }
  return []
}

/** sed's `e` runs commands, `w` and `r` open files. */
function sedInner(args: readonly Arg[], first: Arg | undefined): Inner[] {
  const scripts = args.flatMap((arg, i) => {
    if (/^(-[a-zA-Z]*e|--expression)$/.test(arg.value)) return args[i + 1] ?? []
    const attached = /^(?:-e|--expression=)(.+)$/s.exec(arg.value)
    return attached ? [{ ...arg, value: attached[1] ?? '' }] : []
  })
  const all = scripts.length > 0 ? scripts : first ? [first] : []
  if (all.some((text) => text.kind === 'dynamic')) return [doubt('a sed script that is not known')]
  for (const { value } of all) {
    // options of s///, and commands of their own
    if (
      /(^|[;{}\n\s\d$/!])[ewW](\s|$|\/)/.test(value) ||
      /[|/,#!@:_][gpIiMm\d]*[ewW][gpIiMm\d]*(\s*$|\s*[;}\n\s])/.test(value)
    ) {
      return [doubt('a sed script that may run commands or write files', 'builtin/inline-code')]
    }
  }
  return []
}
