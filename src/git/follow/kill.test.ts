import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeRepo, tempFolder, type TestRepo } from '../testing/repo.ts'
import { followTarget, type Followed } from './index.ts'
import { intentsIn, type DriverOrder } from './testing/driver.ts'

const DRIVER = join(import.meta.dirname, 'testing/driver.ts')

/** Each round kills at a random moment; the moments are spread evenly over the duration of an undisturbed update. */
const ROUNDS = 5

let repo: TestRepo
let folder: string
let base: string
let tip: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** `count` files that all differ between base and tip: a third changed, a third removed, a third added. */
function fill(count: number): void {
  const name = (i: number): string => `dir ${i % 20}/file ${i}`
  for (let i = 0; i < count; i++) if (i % 3 !== 2) repo.write(name(i), `old ${i}\n`)
  base = repo.commit({ '.gitignore': 'ignored\n' }, 'base')
  const work = join(folder, 'work')
  repo.git('worktree', 'add', '-q', '--detach', work, base)
  for (let i = 0; i < count; i++) {
    mkdirSync(join(work, `dir ${i % 20}`), { recursive: true })
    if (i % 3 === 1) rmSync(join(work, name(i)))
    else writeFileSync(join(work, name(i)), `new ${i}\n`)
  }
  repo.gitIn(work, ['add', '-A'])
  repo.gitIn(work, ['commit', '-q', '-m', 'result'])
  tip = repo.gitIn(work, ['rev-parse', 'HEAD'])
  repo.git('branch', 'belay/r/result', tip)
  repo.git('worktree', 'remove', '--force', work)
  repo.write('mine.txt', 'untracked')
  repo.write('ignored', 'ignored')
}

function order(dieAfter: number | null = null): DriverOrder {
  return {
    request: {
      repository: { root: repo.root, commonDir: join(repo.root, '.git') },
      target: 'main',
      from: base,
      to: tip,
      resultBranch: 'belay/r/result',
    },
    intentFile: join(folder, 'intent'),
    dieAfter,
  }
}

async function again(): Promise<Followed> {
  return followTarget({ ...order().request, intents: intentsIn(join(folder, 'intent')) })
}

function toBase(): void {
  repo.git('reset', '-q', '--hard', base)
}

function expectNew(hint: string): void {
  expect(repo.git('rev-parse', 'HEAD'), hint).toBe(tip)
  expect(repo.git('status', '--porcelain', '--ignored'), hint).toBe('?? mine.txt\n!! ignored')
  expect(readFileSync(join(repo.root, 'mine.txt'), 'utf8'), hint).toBe('untracked')
  const left = spawnSync(
    'find',
    [join(repo.root, '.git'), '-name', '*.lock', '-o', '-name', '.belay-*', '-o', '-name', 'belay-*'],
    {
      encoding: 'utf8',
    },
  )
  expect(left.stdout.replace(/^.*\/belay$/gm, '').trim(), hint).toBe('')
  expect(existsSync(join(folder, 'intent')), hint).toBe(false)
}

/** At any moment each file holds all of its old or all of its new content. */
function expectOldOrNew(hint: string): void {
  for (const path of repo.git('ls-files', '-z', '--others', '--cached', '--exclude-standard').split('\0')) {
    const file = join(repo.root, path)
    if (!path.startsWith('dir') || !existsSync(file)) continue
    const number = path.split(' ').at(-1)
    expect([`old ${number}\n`, `new ${number}\n`], hint).toContain(readFileSync(file, 'utf8'))
  }
}

test('killed after any step, a repeat finishes it', async () => {
  fill(12)
  const whole = spawnSync(process.execPath, [DRIVER, JSON.stringify(order())], { encoding: 'utf8' })
  const { steps } = JSON.parse(whole.stdout) as { steps: number }
  expectNew('not killed')
  expect(steps).toBeGreaterThan(12)
  for (let step = 1; step <= steps; step++) {
    toBase()
    const killed = spawnSync(process.execPath, [DRIVER, JSON.stringify(order(step))], { encoding: 'utf8' })
    expect(killed.signal, `step ${step}`).toBe('SIGKILL')
    expectOldOrNew(`step ${step}`)
    expect(await again(), `step ${step}`).toEqual({ landed: true })
    expectNew(`step ${step}`)
  }
})

test('killed with its git at random moments of a large update, a repeat finishes it', async () => {
  fill(3000)
  const started = Date.now()
  spawnSync(process.execPath, [DRIVER, JSON.stringify(order())])
  const whole = Date.now() - started
  expectNew('not killed')
  let finished = 0
  for (let round = 0; round < ROUNDS; round++) {
    toBase()
    const child = spawn(process.execPath, [DRIVER, JSON.stringify(order())], { detached: true, stdio: 'ignore' })
    const at = (whole * (round + Math.random())) / ROUNDS
    const gone = once(child, 'exit')
    const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), at)
    const [code] = (await gone) as [number | null]
    clearTimeout(timer)
    if (code === 0) finished += 1
    const hint = `round ${round}, killed after ${Math.round(at)} of ${whole} ms`
    expectOldOrNew(hint)
    expect(await again(), hint).toEqual({ landed: true })
    expectNew(hint)
  }
  expect(finished).toBeLessThan(ROUNDS)
}, 600_000)

function dieInTheMiddle(): void {
  expect(spawnSync(process.execPath, [DRIVER, JSON.stringify(order(10))]).signal).toBe('SIGKILL')
  expect(existsSync(join(repo.root, '.git/index.lock'))).toBe(true)
}

test('an interrupted update with an edit in it is left alone, and the command finishes it without loss', async () => {
  fill(12)
  dieInTheMiddle()
  repo.write('dir 0/file 0', 'edited by the user\n')
  const before = repo.git('status', '--porcelain')
  const outcome = await again()
  expect(outcome).toMatchObject({ landed: false, reason: { code: 'interrupted' } })
  expect(repo.git('status', '--porcelain')).toBe(before)
  expect(await again()).toEqual(outcome)

  repo.gitIn('/', [
    '-c',
    `alias.run=!${outcome.landed ? '' : outcome.finishCommand}`,
    `--git-dir=${repo.root}/.git`,
    'run',
  ])
  expect(repo.git('rev-parse', 'HEAD')).toBe(tip)
  expect(repo.git('show', 'stash@{0}:dir 0/file 0')).toBe('edited by the user')
  expect(await again()).toEqual({ landed: true })
  expect(existsSync(join(folder, 'intent'))).toBe(false)
})

test('an interrupted update is finished when the user takes the edit back; other edits do not matter', async () => {
  fill(12)
  dieInTheMiddle()
  repo.write('dir 0/file 0', 'edited by the user\n')
  repo.write('README.md', 'my readme\n')
  expect(await again()).toMatchObject({ landed: false })
  repo.write('dir 0/file 0', 'old 0\n')
  expect(await again()).toEqual({ landed: true })
  expect(repo.git('status', '--porcelain')).toBe('M README.md\n?? mine.txt')
})

test('when the user removed the lock, nothing is touched', async () => {
  fill(12)
  dieInTheMiddle()
  rmSync(join(repo.root, '.git/index.lock'))
  const before = repo.git('status', '--porcelain')
  expect(await again()).toMatchObject({ landed: false, reason: { code: 'target_dirty' } })
  expect(repo.git('status', '--porcelain')).toBe(before)
  expect(repo.git('rev-parse', 'HEAD')).toBe(base)
})

test('a lock in the place of ours is not taken for ours', async () => {
  fill(12)
  dieInTheMiddle()
  writeFileSync(join(repo.root, '.git/index.lock'), 'another git')
  const before = repo.git('status', '--porcelain')
  expect(await again()).toMatchObject({ landed: false })
  expect(readFileSync(join(repo.root, '.git/index.lock'), 'utf8')).toBe('another git')
  expect(repo.git('status', '--porcelain')).toBe(before)
})

test('while the process that began it lives, nobody else goes on', async () => {
  fill(12)
  dieInTheMiddle()
  const intents = intentsIn(join(folder, 'intent'))
  const intent = await intents.read()
  if (!intent) expect.fail('there is an intent')
  const child = spawn('sleep', ['60'])
  try {
    const { startTimeOf } = await import('../../process/index.ts')
    const pid = child.pid as number
    await intents.write({ ...intent, holder: { ...intent.holder, pid, startTime: startTimeOf(pid) ?? '' } })
    expect(await again()).toMatchObject({ landed: false, reason: { code: 'target_busy' } })
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  expect(await again()).toEqual({ landed: true })
  expectNew('after the other died')
})

test('locks that a killed git left on the branch are removed only while our own lock stands', async () => {
  fill(12)
  dieInTheMiddle()
  writeFileSync(join(repo.root, '.git/HEAD.lock'), '')
  writeFileSync(join(repo.root, '.git/refs/heads/main.lock'), `${tip}\n`)
  expect(await again()).toEqual({ landed: true })
  expectNew('locks removed')
})

test('a lock that was written but not yet taken is removed', async () => {
  fill(6)
  // Dies right after storing the intent, which is when the lock file is prepared.
  spawnSync(process.execPath, [DRIVER, JSON.stringify(order(1))])
  const intent = await intentsIn(join(folder, 'intent')).read()
  if (!intent) expect.fail('there is an intent')
  const prepared = join(repo.root, '.git', `belay-lock-${intent.token}`)
  writeFileSync(prepared, `${intent.token}\n`)
  rmSync(join(repo.root, '.git/index.lock'), { force: true })
  expect(await again()).toEqual({ landed: true })
  expect(existsSync(prepared)).toBe(false)
  expectNew('after the lock was prepared')
})
