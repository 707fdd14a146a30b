/** Tools that run another program because an option, a variable or their input says so. */
import type { Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import { doubt, textInner, type Inner } from './inner.ts'

/** For each program, the options that make it run another one. */
const RUNS: Readonly<Record<string, RegExp>> = {
  rsync: /^(-[a-zA-Z]*e|--rsh|--rsync-path)/,
  rg: /^--pre(=|$)|^--hostname-bin/,
  sort: /^--compress-pro/,
  man: /^(-P|--pager|-H|--html)/,
  zip: /^(-T?T|--unzip-command)/,
  less: /^\+.*[!|]/s,
  more: /^\+.*[!|]/s,
  most: /^\+.*[!|]/s,
  go: /^--?(exec|toolexec|vettool)(=|$)/,
  gcc: /^(-wrapper|-fplugin=|-B|-specs=)/,
  rustc: /^(-C)?linker=|^-Clinker|^-Zcodegen/,
  cargo: /(runner|linker|rustc-wrapper|rustc-workspace-wrapper|rustdoc|rustc|credential-provider)"?\s*=/,
  ld: /^-?-plugin/,
  split: /^--fi/,
  sqlite3: /^\s*\.(sh|sy|on|ou|im|ed|ex|re)/,
  wget: /^--use-ask/,
  gpg: /^--photo-v/,
  latex: /^-?-(shell-escape|enable-write18)/,
  cmake: /^(-D)?CMAKE_\w*(LAUNCHER|RULE_LAUNCH\w*)/,
}
const SAME: Readonly<Record<string, string>> = {
  'g++': 'gcc',
  cc: 'gcc',
  'c++': 'gcc',
  clang: 'gcc',
  'clang++': 'gcc',
  pdflatex: 'latex',
  xelatex: 'latex',
  lualatex: 'latex',
  tex: 'latex',
  pdftex: 'latex',
  latexmk: 'latex',
}

/** What `one` runs because it was told to. */
export function toolInner(one: Invocation, stdin: { readonly kind: string; readonly text?: string }): Inner[] {
  const { name } = one.program
  const found: Inner[] = []
  const key = Object.hasOwn(SAME, name) ? SAME[name] : name
  const told = key !== undefined && Object.hasOwn(RUNS, key) ? RUNS[key] : undefined
  const option = told && one.args.find((arg) => told.test(arg.head))
  if (option) found.push(doubt(`${name} ${option.head} runs a program`))
  if (/^(bsdtar|tar|rsync|zip|7z)$/.test(name) && one.args.some((arg) => arg.kind === 'glob' && arg.head === ''))
    found.push(doubt(`a file whose name begins with "-" would be an option of ${name}: write ./*`))
  if (/^(bsd|g)?tar$/.test(name)) found.push(...tarInner(one.args))
  const script = name === 'cmake' ? one.args.findIndex((arg) => arg.value === '-E') : -1
  if (script >= 0) found.push({ kind: 'command', argv: one.args.slice(script + 1) })
  if (/^g?make$/.test(name)) found.push(...makeInner(one.args, stdin.kind))
  if (
    (name === 'ed' || name === 'red' || name === 'dc') &&
    stdin.kind !== 'inherited' &&
    (stdin.kind !== 'text' || /!/.test(stdin.text ?? ''))
  )
    found.push(doubt(`${name} runs what stands after "!" in what it reads`))
  return found
}

const TAR_RUNS = [
  '--to-command',
  '--checkpoint-action',
  '--use-compress-program',
  '--rsh-command',
  '--rmt-command',
  '--info-script',
  '--new-volume-script',
]
const COMPRESSES = /^(zstd|xz|gzip|bzip2|pigz|pbzip2|lz4|lzip)( -[\w=]+)*$/

function tarInner(args: readonly Arg[]): Inner[] {
  return args.flatMap((arg, i): Inner[] => {
    const name = arg.head.split('=')[0] ?? ''
    const long = TAR_RUNS.find((one) => name.length > 4 && one.startsWith(name))
    // Without a dash, tar's first word consists of options too.
    const short =
      /^-?[a-zA-Z]*[IF]/.exec(arg.head) !== null && (arg.head.startsWith('-') ? !arg.head.startsWith('--') : i === 0)
    if (long === undefined && !short) return []
    const value = arg.head.includes('=')
      ? arg.value.slice(arg.value.indexOf('=') + 1)
      : /[IF]$/.test(arg.value) || long
        ? args[i + 1]?.value
        : arg.value.replace(/^.*?[IF]/, '')
    return value !== undefined && COMPRESSES.test(value) ? [] : [doubt(`tar ${name} runs a program`)]
  })
}

/** Make variables whose value recipes run as a program. */
const MAKE_TOOLS = /^(CC|CXX|CPP|LD|AR|AS|RM|CP|MV|INSTALL|MAKE|PYTHON3?|NODE|GO|CARGO|\w+CMD|\w+_COMMAND)$/

function makeInner(args: readonly Arg[], stdin: string): Inner[] {
  return args.flatMap((arg, i): Inner[] => {
    if (/^(-E|--ev)/.test(arg.head)) return [doubt('make runs what it is told by an option')]
    if (
      /^(-f|--(file|makefile)=)(-|\/dev\/.*|\/proc\/.*)$/.test(arg.value) ||
      (/^(-f|--(file|makefile))$/.test(arg.value) && /^(-|\/dev\/.*)$/.test(args[i + 1]?.value ?? ''))
    )
      return stdin === 'inherited' && !/dev\/fd/.test(arg.value + (args[i + 1]?.value ?? ''))
        ? []
        : [doubt('make runs what it reads')]
    const [, name, text] = /^([A-Za-z_]\w*)[:+?]?=(.*)$/s.exec(arg.value) ?? []
    if (name === undefined || text === undefined || !MAKE_TOOLS.test(name)) return []
    return [textInner({ ...arg, value: text })]
  })
}
