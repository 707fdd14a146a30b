/** A new user's first two minutes: a fresh clone, any version of Node, and the two commands of the README. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyCheckout, userEnv } from './support/checkout.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MINUTES = 60_000

let dir = ''
let env: Record<string, string> = {}
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-fresh-')))
  copyCheckout(join(dir, 'belay'))
  env = userEnv(dir)
  npm('ci', '--prefer-offline')
}, 10 * MINUTES)
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))

function npm(...args: readonly string[]): string {
  return execFileSync('npm', args, {
    cwd: join(dir, 'belay'),
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

it(
  'npm run demo shows three tasks done',
  () => {
    const out = npm('run', 'demo')
    expect(out).toContain('What happened')
    const project = /^ {2}cd (\S+)$/m.exec(out)?.[1] ?? ''
    const log = execFileSync('git', ['log', '--format=%(trailers:key=Belay-Task,valueonly,separator=)'], {
      cwd: project,
      env,
      encoding: 'utf8',
    })
    // What it says to type works as it stands, although nothing is installed.
    const call = /call it like this:\n {2}(.+)$/m.exec(out)?.[1] ?? ''
    expect(execFileSync('sh', ['-c', call], { cwd: project, env, encoding: 'utf8' })).toContain('T003')
    rmSync(project, { recursive: true, force: true })
    expect(log.trim().split('\n')).toEqual(['T003', 'T002', 'T001'])
  },
  2 * MINUTES,
)

it(
  'npm test builds and tests with the Node that npm ci brought',
  () => {
    expect(npm('test', '--', 'src/config', 'src/process')).toMatch(/Test Files .*passed/)
  },
  5 * MINUTES,
)

it(
  'npm run build makes a program that starts',
  () => {
    npm('run', 'build')
    expect(npm('exec', '--', 'node', 'test/support/built.cjs', '--version').trim()).toMatch(/^\d+\.\d+\.\d+$/)
  },
  2 * MINUTES,
)

it('has a lock file that names the packages of every platform', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`],
    ),
  )
  expect(missing, 'run: node scripts/complete-lock.ts').toEqual([])
})
