/** The package that `npm publish` would send, installed and used as a user would. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands/index.ts'
import { copyCheckout, userEnv } from './support/checkout.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MINUTES = 60_000

let dir = ''
let files: string[] = []
let belay = ''
let env: Record<string, string> = {}

beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-package-')))
  const checkout = join(dir, 'checkout')
  copyCheckout(checkout)
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
  env = userEnv(dir)
  env['PATH'] = `${dirname(process.execPath)}${delimiter}${env['PATH']}`

  const npm = (...args: string[]): string =>
    execFileSync('npm', args, { cwd: checkout, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const [packed] = JSON.parse(npm('pack', '--json', '--silent').replace(/^[^[]*/, '')) as [
    { filename: string; files: { path: string }[] },
  ]
  files = packed.files.map(({ path }) => path)
  npm('install', '--global', '--prefer-offline', '--prefix', join(dir, 'prefix'), join(checkout, packed.filename))
  belay = join(dir, 'prefix', 'bin', 'belay')
}, 5 * MINUTES)
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))

function run(args: readonly string[], node = process.execPath, nodeFlags: readonly string[] = []) {
  const cwd = join(dir, 'empty')
  mkdirSync(cwd, { recursive: true })
  return spawnSync(node, [...nodeFlags, realpathSync(belay), ...args], { cwd, env, encoding: 'utf8' })
}

it('holds the built program and what belongs to it, and nothing else', () => {
  const known =
    /^(bin\/belay\.cjs|dist\/[\w/-]+\.cjs|dist\/THIRD-PARTY-LICENCES\.txt|schema\/[\w.]+\.json|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/
  expect(files.filter((path) => !known.test(path))).toEqual([])
  expect(files.filter((path) => /\.test\.|\/testing[/.]|\/fixtures\//.test(path))).toEqual([])
  for (const path of [
    'bin/belay.cjs',
    'dist/cli/main.cjs',
    'dist/THIRD-PARTY-LICENCES.txt',
    'schema/belay.schema.json',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
  ]) {
    expect(files).toContain(path)
  }
})

it('is named so that npm finds the program, and depends on exact versions', () => {
  const text = readFileSync(join(dir, 'checkout', 'package.json'), 'utf8')
  const { bin, dependencies } = JSON.parse(text) as {
    bin: Record<string, string>
    dependencies: Record<string, string>
  }
  expect(bin).toEqual({ belay: 'bin/belay.cjs' })
  expect(Object.entries(dependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
})

it('starts by its name', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const out = execFileSync(belay, ['--version'], { cwd: dir, env, encoding: 'utf8' })
  expect(out).toBe(`${version}\n`)
})

it.each(COMMANDS.map(({ name }) => name))('loads belay %s with what the package depends on', (name) => {
  const { status, stdout, stderr } = run([name, '--help'])
  expect(stderr).toBe('')
  expect(stdout).toContain(`Usage: belay ${name}`)
  expect(status).toBe(0)
})

it(
  'runs the demo to its end',
  () => {
    const project = join(dir, 'demo')
    const { status, stdout, stderr } = run(['demo', '--dir', project])
    expect(status, stdout + stderr).toBe(0)
    const subjects = execFileSync('git', ['log', '--format=%(trailers:key=Belay-Task,valueonly,separator=)'], {
      cwd: project,
      env,
      encoding: 'utf8',
    })
    expect(subjects.trim().split('\n')).toEqual(['T003', 'T002', 'T001'])
  },
  2 * MINUTES,
)

it('keeps the warning of early Node 24 about SQLite to itself, and no other', () => {
  const preload = join(dir, 'warns.cjs')
  const warnings = ['SQLite is an experimental feature', 'Another is an experimental feature']
  const lines = warnings.map((text) => `process.emitWarning('${text}', 'ExperimentalWarning')`)
  // After the program has begun, as loading node:sqlite does.
  writeFileSync(preload, `setImmediate(() => { ${lines.join('; ')} })`)
  const { stderr } = run(['--version'], process.execPath, ['--require', preload])
  expect(stderr).toContain('Another is an experimental feature')
  expect(stderr).not.toContain('SQLite')
})

const old = oldNode()
it.skipIf(old === null)(`says to an old Node what to install (${old ?? 'there is no Node older than 24 here'})`, () => {
  const { status, stdout, stderr } = run(['status'], old ?? '')
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(
    /^belay: this is Node\.js \d+\.\S+ \(.+\), and Belay needs 24 or newer\.\n {2}next: .*nodejs\.org/,
  )
})

/** A Node on this machine that is too old for Belay. */
function oldNode(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  for (const program of [...folders.map((at) => join(at, 'node')), '/usr/bin/node', '/usr/local/bin/node']) {
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    if (stdout && Number(/^v(\d+)/.exec(stdout)?.[1]) < 24) return program
  }
  return null
}
