import { present, type Detector, type FoundCommand } from '../ecosystem.ts'
import { jsonOf, tree, type Folder, type Tree } from '../folder.ts'

interface Manager {
  readonly name: string
  readonly lockfiles: readonly string[]
  install(folder: Folder, locked: boolean): string
  script(name: string): string
  /** The command that runs a program which was installed with the dependencies. */
  exec(command: string): string
}

const NPM: Manager = {
  name: 'npm',
  lockfiles: ['package-lock.json', 'npm-shrinkwrap.json'],
  install: (_, locked) => (locked ? 'npm ci' : 'npm install --no-package-lock'),
  script: (name) => (name === 'test' ? 'npm test' : `npm run ${name}`),
  exec: (command) => `npx ${command}`,
}

const MANAGERS: readonly Manager[] = [
  NPM,
  {
    name: 'pnpm',
    lockfiles: ['pnpm-lock.yaml'],
    install: (_, locked) => `pnpm install ${locked ? '--frozen-lockfile' : '--no-lockfile'}`,
    script: (name) => (name === 'test' ? 'pnpm test' : `pnpm run ${name}`),
    exec: (command) => `pnpm exec ${command}`,
  },
  {
    name: 'yarn',
    lockfiles: ['yarn.lock'],
    install(folder, locked) {
      if (isBerry(folder)) return locked ? 'yarn install --immutable' : 'yarn install'
      return `yarn install ${locked ? '--frozen-lockfile' : '--no-lockfile'}`
    },
    script: (name) => (name === 'test' ? 'yarn test' : `yarn run ${name}`),
    exec: (command) => `yarn ${command}`,
  },
  {
    name: 'bun',
    lockfiles: ['bun.lock', 'bun.lockb'],
    install: (_, locked) => `bun install ${locked ? '--frozen-lockfile' : '--no-save'}`,
    script: (name) => `bun run ${name}`,
    exec: (command) => `bunx ${command}`,
  },
]

/** The value of `packageManager`, e.g. `pnpm@9.1.0`; empty if there is none. */
function pinned(manifest: Tree | null): string {
  const value = manifest?.['packageManager']
  return typeof value === 'string' ? value : ''
}

/** Whether the project uses Yarn 2 or later. */
function isBerry(folder: Folder): boolean {
  const named = /^yarn@([2-9]|\d\d)/.test(pinned(jsonOf(folder, 'package.json')))
  return named || folder.has('.yarnrc.yml') || /^__metadata:/m.test(folder.text('yarn.lock') ?? '')
}

function managerOf(folder: Folder, manifest: Tree): Manager {
  const named = /^[a-z]+/.exec(pinned(manifest))?.[0]
  return (
    MANAGERS.find((manager) => manager.name === named) ??
    MANAGERS.find((manager) => present(folder, manager.lockfiles).length > 0) ??
    NPM
  )
}

/** Matches scripts that watch for changes instead of ending. */
const WATCHES = /--watch(All)?\b(?!=false)|\bvitest (watch|dev)\b|\bnodemon\b|\bng test\b(?!.*--watch=false)/

const ONCE = ['test:ci', 'ci:test', 'test:run', 'test:once', 'test:unit']

const TYPECHECKS = ['typecheck', 'type-check', 'check-types', 'check:types', 'types:check', 'tsc']

const LINTS = ['lint', 'lint:check', 'check:lint']

const RUNNERS: readonly (readonly [dependency: string, command: string])[] = [
  ['vitest', 'vitest run'],
  ['jest', 'jest'],
  ['mocha', 'mocha'],
  ['ava', 'ava'],
]

/** `package.json`: JavaScript and TypeScript with npm, pnpm, yarn or bun. */
export const javascript: Detector = (folder) => {
  if (!folder.has('package.json')) return null
  const manifest = jsonOf(folder, 'package.json') ?? {}
  const manager = managerOf(folder, manifest)
  const scripts = scriptsOf(manifest)
  const dependencies = new Set(
    ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((key) => Object.keys(tree(manifest[key]))),
  )
  const typescript = folder.has('tsconfig.json') || dependencies.has('typescript')
  const locks = present(folder, manager.lockfiles)
  const notes: string[] = []
  const test = testCommand({ folder, manager, scripts, dependencies, notes })
  const tested = scripts.get('test') ?? ''
  const needsInstall =
    dependencies.size > 0 || manifest['workspaces'] !== undefined || folder.has('pnpm-workspace.yaml')
  const why = locks[0] ?? 'package.json, without a lockfile'
  return {
    language: typescript ? 'TypeScript' : 'JavaScript',
    manager: manager.name,
    gates: [
      ...(test ? [test] : []),
      ...lintCommand(manager, scripts, tested),
      ...(typescript ? typeCheck({ folder, manager, scripts, dependencies, tested }) : []),
    ],
    setup: needsInstall ? [{ run: manager.install(folder, locks.length > 0), why }] : [],
    inputs: needsInstall ? (locks.length > 0 ? locks : ['package.json']) : [],
    byproducts: needsInstall ? ['node_modules'] : [],
    programs: [manager.name],
    notes,
  }
}

function scriptsOf(manifest: Tree): Map<string, string> {
  const pairs = Object.entries(tree(manifest['scripts']))
  return new Map(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}

interface Facts {
  readonly folder: Folder
  readonly manager: Manager
  readonly scripts: ReadonlyMap<string, string>
  readonly dependencies: ReadonlySet<string>
}

function testCommand({
  folder,
  manager,
  scripts,
  dependencies,
  notes,
}: Facts & { notes: string[] }): FoundCommand | null {
  const script = scripts.get('test') ?? ''
  const real = script !== '' && !script.includes('no test specified')
  if (real && /\breact-scripts test\b/.test(script)) {
    return { run: `CI=true ${manager.script('test')}`, why: 'the test script, once instead of watching' }
  }
  if (real && !WATCHES.test(script)) return { run: manager.script('test'), why: 'the test script of package.json' }
  const once = ONCE.find((name) => scripts.has(name) && !WATCHES.test(scripts.get(name) ?? ''))
  if (once) return { run: manager.script(once), why: `the ${once} script of package.json` }
  if (real)
    notes.push('the test script of package.json watches and never ends: add one that runs once, such as test:ci')
  const runner = RUNNERS.find(([name]) => dependencies.has(name))
  if (runner) return { run: manager.exec(runner[1]), why: `${runner[0]} is among the dependencies` }
  const files = folder.find(3, (name) => /\.test\.[cm]?[jt]s$|^test\.[cm]?js$/.test(name))
  return files.length > 0 ? { run: 'node --test', why: `test files such as ${files[0]}` } : null
}

function lintCommand(manager: Manager, scripts: ReadonlyMap<string, string>, tested: string): FoundCommand[] {
  // A linter that fixes what it finds changes the tree, which a gate must not do.
  const name = LINTS.find(
    (candidate) => scripts.has(candidate) && !/--(fix|write)\b/.test(scripts.get(candidate) ?? ''),
  )
  if (!name || tested.includes('lint')) return []
  return [{ run: manager.script(name), why: `the ${name} script of package.json` }]
}

function typeCheck({ folder, manager, scripts, dependencies, tested }: Facts & { tested: string }): FoundCommand[] {
  const name = TYPECHECKS.find((candidate) => scripts.has(candidate))
  if (/\btsc\b/.test(tested) || (name && tested.includes(name))) return []
  if (name) return [{ run: manager.script(name), why: `the ${name} script of package.json` }]
  const plain = folder.has('tsconfig.json') && !/"references"/.test(folder.text('tsconfig.json') ?? '')
  if (!plain || !dependencies.has('typescript')) return []
  return [{ run: manager.exec('tsc --noEmit'), why: 'tsconfig.json' }]
}
