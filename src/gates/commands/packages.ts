import { programName } from './words.ts'

/** The package script that a command such as `npm test`, `pnpm run x`, `yarn x`, `bun run x` or `node --run x` runs. */
export interface ScriptCall {
  readonly script: string
  /** Folder of the package, relative to the command's working directory; null: the nearest package. */
  readonly folder: string | null
  /** Whether it runs in several packages of a workspace. */
  readonly fanOut: boolean
}

const MANAGERS = new Set(['npm', 'pnpm', 'yarn', 'bun'])
const VALUED = new Set([
  '--prefix',
  '-C',
  '--dir',
  '--cwd',
  '-w',
  '--workspace',
  '--filter',
  '-F',
  '--loglevel',
  '--config',
])
const FAN_OUT = new Set([
  '-w',
  '--workspace',
  '-ws',
  '--workspaces',
  '-r',
  '--recursive',
  '--filter',
  '-F',
  'workspaces',
  'workspace',
])

/** Commands of a package manager that are not scripts. */
const OWN = new Set([
  'install', 'i', 'ci', 'add', 'remove', 'exec', 'x', 'dlx', 'init', 'create', 'publish', 'pack', 'link', 'config', 'cache',
  'audit', 'outdated', 'update', 'why', 'list', 'ls', 'version', 'view', 'info', 'set', 'dedupe', 'rebuild', 'build-script',
]) // prettier-ignore

/** The package script that an unwrapped simple command runs; null: none. */
export function scriptCall(words: readonly string[]): ScriptCall | null {
  const program = programName(words[0] ?? '')
  if (/^node(js)?$/.test(program)) {
    const at = words.findIndex((w) => w === '--run' || w.startsWith('--run='))
    const script = at === -1 ? undefined : (words[at] ?? '').includes('=') ? words[at]?.slice(6) : words[at + 1]
    return script === undefined ? null : { script, folder: null, fanOut: false }
  }
  if (!MANAGERS.has(program)) return null
  let folder: string | null = null
  let fanOut = false
  const plain: string[] = []
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '--') break
    const [flag, inline] = word.startsWith('-') ? word.split(/=(.*)/s, 2) : [word, undefined]
    if (FAN_OUT.has(flag ?? '')) fanOut = true
    if (!word.startsWith('-')) {
      plain.push(word)
      continue
    }
    if (!VALUED.has(flag ?? '')) continue
    const value = inline ?? words[++i]
    if (['--prefix', '-C', '--dir', '--cwd'].includes(flag ?? '')) folder = value ?? null
  }
  let rest = plain
  if (program === 'yarn' && rest[0] === 'workspaces') rest = rest.slice(rest[1] === 'foreach' ? 2 : 1)
  if (program === 'yarn' && rest[0] === 'workspace') rest = rest.slice(2)
  const named = rest[0]
  if (named === undefined) return null
  const run = ['run', 'run-script', 'rum', 'urn'].includes(named)
  const script = run ? rest[1] : ({ t: 'test', tst: 'test' }[named] ?? named)
  if (script === undefined) return null
  if (!run && program === 'npm' && !['test', 'start', 'stop', 'restart'].includes(script)) return null
  // `bun test` is bun's own runner, and `bun FILE` runs a file.
  if (!run && program === 'bun') return null
  return !run && OWN.has(script) ? null : { script, folder, fanOut }
}

/** The scripts that run for `name`, in order; null: the package has no script of that name, or is not JSON. */
export function packageScripts(packageJson: string, name: string): readonly string[] | null {
  const scripts = scriptsOf(packageJson)
  const own = scripts?.[name]
  if (!scripts || own === undefined) return null
  return [scripts[`pre${name}`], own, scripts[`post${name}`]].filter((s) => s !== undefined)
}

/** The `scripts` of a package.json; null: it is not JSON, or has none. */
export function scriptsOf(packageJson: string): Readonly<Record<string, string>> | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(packageJson)
  } catch {
    return null // npm cannot read this package.json either
  }
  const scripts = (parsed as { scripts?: unknown } | null)?.scripts
  if (typeof scripts !== 'object' || scripts === null) return null
  return Object.fromEntries(
    Object.entries(scripts).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
