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
    // -o takes a name, also at the end of a cluster.
    if (SHELL_VALUED.has(arg.value) || /^[-+][a-zA-Z]*[oO]$/.test(arg.value)) i += 1
  }
  const first = args[i]
  if (runs) {
    if (first === undefined) return [doubt(`${name} -c without a text`)]
    if (!BOURNE.has(name)) return [doubt(`the language of ${name} is not understood`)]
    return [textInner(first)]
  }
  // A script file is judged like any program of that path.
  if (first !== undefined && !reads && !isInput(first)) return []
  if (first !== undefined && !reads && !isStdin(first)) return [doubt(`${name} runs what it reads`)]
  return inputInner(name, stdin, BOURNE.has(name))
}

/** Whether the argument is the path of a descriptor, as `<(...)` becomes. */
function isInput(arg: Arg): boolean {
  return /^\/(dev\/(stdin$|fd\/)|proc\/[^/]+\/fd\/)/.test(arg.value)
}

function isStdin(arg: Arg): boolean {
  return arg.value === '/dev/stdin' || arg.value.endsWith('/fd/0')
}

function inputInner(name: string, stdin: Input, understood: boolean): Inner[] {
  if (stdin.kind === 'inherited') return []
  if (stdin.kind === 'text' && understood) return [{ kind: 'script', text: stdin.text ?? '' }]
  return [doubt(`${name} runs what it reads`)]
}

/** For each interpreter, the options by which it runs a text. */
const INTERPRETERS: Readonly<Record<string, RegExp>> = {
  python: /^-[a-zA-Z]*c/,
  node: /^(-[ep]|-pe|--eval|--print)(=|$)/,
  nodejs: /^(-[ep]|-pe|--eval|--print)(=|$)/,
  tsx: /^(-[ep]|-pe|--eval|--print)(=|$)/,
  'ts-node': /^(-[ep]|-pe|--eval|--print)(=|$)/,
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
  pypy: /^-[a-zA-Z]*c/,
  racket: /^-[a-zA-Z]*e|^--eval/,
  ghci: /^-e/,
  runghc: /^-e/,
  erl: /^-eval/,
  swift: /^-e/,
  ocaml: /^-e/,
  clojure: /^(-e|--eval)/,
  clj: /^(-e|--eval)/,
  sbcl: /^--(eval|load)/,
  raku: /^-e/,
  octave: /^--eval/,
  crystal: /^eval$/,
  duckdb: /^\.(shell|system)/,
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
  'pypy',
  'jshell',
  'racket',
  'ocaml',
])
/** Interpreters that load modules and scripts by address: `deno run https://...`, `node --import data:...`. */
const ADDRESSED = new Set(['node', 'nodejs', 'deno', 'bun', 'tsx'])

/** `python -c`, `node -e`: code in a language other than the shell's. */
export function interpreterInner({ program, args }: Invocation, stdin: Input): Inner[] {
  const name = /^python[\d.]*$/.test(program.name)
    ? 'python'
    : (/^(perl|ruby|lua|php|pypy)[\d.]+$/.exec(program.name)?.[1] ?? program.name)
  const inline = Object.hasOwn(INTERPRETERS, name) ? INTERPRETERS[name] : undefined
  const found: Inner[] = []
  if (inline) {
    const end = scriptAt(args, name)
    const options = end < 0 ? args : args.slice(0, end)
    const code = options.find((arg) => inline.test(arg.head))
    if (code) found.push(doubt(`${name} runs code that is not a shell's`, 'builtin/inline-code'))
    if (!code && /^(perl|raku)$/.test(name) && options.some((arg) => /^-[a-zA-Z]*[mM].*[;({]/s.test(arg.value)))
      found.push(doubt(`${name} -M runs what stands after the name`, 'builtin/inline-code'))
    if (!code && end >= 0 && args[end] && isInput(args[end]))
      found.push(doubt(`${name} runs what it reads`, 'builtin/inline-code'))
    const bare =
      args.every((arg) => arg.value === '-' || arg.value.startsWith('-')) &&
      !args.some((arg) => /^(-[vVh]|--version|--help|-m)/.test(arg.value))
    if (!code && bare && READS_INPUT.has(name) && stdin.kind !== 'inherited') {
      found.push(doubt(`${name} runs what it reads`, 'builtin/inline-code'))
    }
  }
  if (ADDRESSED.has(name)) {
    const end = name === 'deno' ? args.length - 1 : scriptAt(args, name)
    const loads = end < 0 ? args : args.slice(0, end + 1)
    if (loads.some((arg) => /^(--[\w-]+=)?(data|https?|npm|jsr):/.test(arg.head)))
      found.push(doubt(`${name} runs what stands at an address`))
  }
  return found
}

/**
 * Index of the script's file name; later arguments belong to the script. -1: unknown, because a word after an option may be the
 * option's value.
 */
function scriptAt(args: readonly Arg[], name: string): number {
  const at = args.findIndex((arg) => arg.kind !== 'static' || !/^([-+].*|eval)$/.test(arg.value))
  const before = args[at - 1]
  if (name === 'python' && before?.value === '-m') return at
  return args[at]?.kind === 'static' && (before === undefined || before.value === 'eval') ? at : -1
}
