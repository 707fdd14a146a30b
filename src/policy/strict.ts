/** The preset `strict` denies whatever is not allowed, and whatever would need a person's decision. */
import { placesOfArg, type Invocation } from './match.ts'
import type { Surroundings } from './places.ts'
import type { Remark } from './checks.ts'
import { known } from './shell/arg.ts'

/** The longest command line in strict mode. */
export const STRICT_LONGEST = 10_000

const PROCESSES = new Set(['node', 'npm', 'npx', 'vite', 'next'])
const START = new Set(
  'dev prod restart-dev stop check typecheck lint lint-fix build clean install setup test'.split(' '),
)

/** Strict mode's objections to a command that its list allows; empty: none. */
export function strictChecks(one: Invocation, around: Surroundings): Remark[] {
  const reason = because(one, around)
  return reason === null ? [] : [{ decision: 'deny', rule: 'strict/arguments', reason }]
}

function because(one: Invocation, around: Surroundings): string | null {
  const { program, args, parts } = one
  if (program.name === 'chmod') {
    const [mode, ...files] = parts.words
    if (parts.options.length > 0 || !/^[ugoa]*\+x$/.test(mode?.value ?? ''))
      return 'only +x may be set, without options'
    return files.length === 0 ? 'chmod needs a file' : null
  }
  if (program.name === 'pkill') {
    const full = parts.options.some(({ name }) => /^-[a-z]*f/.test(name) || name === '--full')
    if (parts.words.length === 0) return 'pkill needs a name'
    const names = parts.words.map((arg) => (full ? (arg.value.split(' ')[0] ?? '') : arg.value))
    const wrong = names.find((name, i) => !PROCESSES.has(name) || parts.words[i]?.kind !== 'static')
    return wrong === undefined ? null : `only ${[...PROCESSES].join(', ')} may be ended`
  }
  if (program.name === 'init.sh' || program.name === 'start.sh') return script(one, around)
  return args.some((arg) => arg.kind === 'dynamic') ? 'every argument has to be known' : null
}

function script({ program, args, cwds }: Invocation, around: Surroundings): string | null {
  const literal = `./${program.name}`
  if (program.path !== literal) return `scripts are called as ${literal}`
  const places = placesOfArg(known(literal), cwds, around)
  if (!places?.has('workspace')) return 'the script leads out of the workspace'
  if (args.length > 50) return 'a script takes at most 50 arguments'
  for (const arg of args) {
    if (arg.kind !== 'static') return 'every argument has to be known'
    if (arg.value.length > 1000) return 'an argument has at most 1000 characters'
    if (/[;&|`$()<>\n\\]/.test(arg.value)) return 'an argument of a script holds no shell characters'
    if (/(^|\/)\.\.(\/|$)/.test(arg.value)) return 'an argument of a script does not climb'
  }
  if (program.name === 'start.sh' && args[0] && !START.has(args[0].value))
    return `start.sh takes ${[...START].join(', ')}`
  return null
}
