import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestRepo } from '../testing/repo.ts'
import { compareAndUndo, settleDeadTurns, takeSnapshot, type GuardRequest } from './index.ts'
import { ledgerPath } from './ledger.ts'
import { makeGuarded, OWN, subjects, type Guarded } from './testing/guarded.ts'

let guarded: Guarded
let repo: TestRepo
let folder: string
let work: string
let dotGit: string

beforeEach(() => {
  guarded = makeGuarded()
  ;({ repo, folder, work, dotGit } = guarded)
})

afterEach(() => guarded.remove())

test('a workspace that was cut loose or bent is tied to the repository again', async () => {
  const { gitDir } = guarded.request().workspaces[0] ?? { gitDir: '' }
  const pointer = readFileSync(join(work, '.git'), 'utf8')
  const evil = join(folder, 'evil')
  repo.git('init', '-q', evil)
  const cases: readonly (readonly [string, () => void])[] = [
    ['removed', () => rmSync(join(work, '.git'))],
    ['another repository', () => writeFileSync(join(work, '.git'), `gitdir: ${evil}/.git\n`)],
    [
      'a link',
      () => {
        rmSync(join(work, '.git'))
        symlinkSync(join(evil, '.git'), join(work, '.git'))
      },
    ],
    [
      'a repository of its own',
      () => {
        rmSync(join(work, '.git'))
        repo.git('init', '-q', work)
      },
    ],
    ['its folder removed', () => rmSync(gitDir, { recursive: true })],
    ['another common folder', () => writeFileSync(join(gitDir, 'commondir'), `${evil}/.git\n`)],
    ['configuration', () => writeFileSync(join(gitDir, 'config.worktree'), '[core]\nfsmonitor = evil\n')],
  ]
  for (const [name, spoil] of cases) {
    const report = await guarded.turn(() => {
      mkdirSync(gitDir, { recursive: true })
      spoil()
      if (name === 'its folder removed') mkdirSync(gitDir)
    })
    expect(report.violations.length, name).toBeGreaterThan(0)
    expect(
      report.violations.every((one) => one.undone && one.kind === 'workspace'),
      name,
    ).toBe(true)
    expect(readFileSync(join(work, '.git'), 'utf8'), name).toBe(pointer)
    expect(guarded.agent('rev-parse', '--git-common-dir'), name).toBe(dotGit)
    expect(guarded.agent('symbolic-ref', 'HEAD'), name).toBe(OWN)
    expect(guarded.agent('status', '--porcelain'), name).toBe('')
  }
})

test('left branches, damaged indexes, left locks and unfinished merges are put right without failing', async () => {
  const { gitDir } = guarded.request().workspaces[0] ?? { gitDir: '' }
  const report = await guarded.turn(() => {
    guarded.agent('checkout', '-q', '--detach')
    truncateSync(join(gitDir, 'index'), 100)
    writeFileSync(join(gitDir, 'index.lock'), '')
    writeFileSync(join(gitDir, 'MERGE_HEAD'), `${repo.git('rev-parse', 'HEAD')}\n`)
    agentRef('update-ref', '-d', OWN)
  })
  function agentRef(...args: string[]): void {
    repo.git(...args)
  }
  expect(report.violations).toEqual([])
  expect(report.notes.map((one) => one.kind).sort()).toEqual(['ref', 'workspace', 'workspace'])
  expect(guarded.agent('symbolic-ref', 'HEAD')).toBe(OWN)
  expect(guarded.agent('status', '--porcelain')).toBe('')
  expect(existsSync(join(gitDir, 'MERGE_HEAD'))).toBe(false)
})

test('a workspace that is gone is said', async () => {
  const report = await guarded.turn(() => renameSync(work, join(folder, 'moved')))
  expect(report.violations).toMatchObject([{ kind: 'workspace', subject: work, undone: false }])
})

test('turns that overlap: a change is undone once, and a turn that begins later does not take it for good', async () => {
  guarded.addWork('T2')
  guarded.addWork('T3')
  const [one, two, three] = [guarded.request('T1'), guarded.request('T2'), guarded.request('T3')]
  const config = readFileSync(join(dotGit, 'config'), 'utf8')
  const first = await takeSnapshot(one)
  const second = await takeSnapshot(two)
  guarded.agent('config', 'user.name', 'evil')
  guarded.agent('tag', 'marked-elsewhere')
  guarded.agent('update-ref', '--create-reflog', 'refs/heads/loose', 'HEAD')
  const third = await takeSnapshot(three) // finds and undoes it, for the two before
  expect(readFileSync(join(dotGit, 'config'), 'utf8')).toBe(config)
  const reports = await Promise.all([
    compareAndUndo(third, three),
    compareAndUndo(second, two),
    compareAndUndo(first, one),
  ])
  // Configuration and tags carry no mark, so both turns that ran are responsible; the branch is known to be the first's.
  expect(reports.map((report) => subjects(report, guarded))).toEqual([
    [],
    ['config', 'refs/tags/marked-elsewhere'],
    ['config', 'refs/heads/loose', 'refs/tags/marked-elsewhere'],
  ])
  expect(readFileSync(join(dotGit, 'config'), 'utf8')).toBe(config)
  expect(guarded.allRefs().some((line) => /loose|marked-elsewhere/.test(line))).toBe(false)
})

test('turns of several processes share what is trusted', async () => {
  guarded.addWork('T2')
  const script = join(folder, 'other.mjs')
  const index = join(import.meta.dirname, 'index.ts')
  const { isOurs: _, ownWorktrees: __, ...plain } = guarded.request('T2')
  writeFileSync(
    script,
    `import { takeSnapshot, compareAndUndo } from ${JSON.stringify(index)}
     const ours = { isOurs: () => false, ownWorktrees: async () => [] }
     const snapshot = await takeSnapshot({ ...${JSON.stringify(plain)}, ...ours })
     process.stdout.write('ready')
     process.stdin.resume()
     await new Promise((done) => process.stdin.on('end', done))
     const report = await compareAndUndo(snapshot, ours)
     process.stdout.write(JSON.stringify(report.violations.map((one) => one.kind)))`,
  )
  const asked = guarded.request()
  const config = readFileSync(join(dotGit, 'config'), 'utf8')
  const mine = await takeSnapshot(asked)
  guarded.agent('config', 'core.pager', 'evil')
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  while (!said.includes('ready')) await once(child.stdout, 'data')
  expect(subjects(await compareAndUndo(mine, asked), guarded)).toEqual(['config'])
  child.stdin.end()
  await once(child, 'exit')
  expect(said).toBe('ready[]')
  expect(readFileSync(join(dotGit, 'config'), 'utf8')).toBe(config)
})

test('after kill -9 the turn is ended: what its agent did is undone, what the user did later stays', async () => {
  const script = join(folder, 'dies.mjs')
  const { isOurs: _, ownWorktrees: __, ...plain } = guarded.request()
  writeFileSync(
    script,
    `import { takeSnapshot } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}
     await takeSnapshot({ ...${JSON.stringify(plain)}, isOurs: () => false, ownWorktrees: async () => [] })
     process.kill(process.pid, 'SIGKILL')`,
  )
  expect(spawnSync(process.execPath, [script], { stdio: 'inherit' }).signal).toBe('SIGKILL')
  writeFileSync(join(dotGit, 'hooks/pre-commit'), 'evil', { mode: 0o755 })
  guarded.agent('branch', 'evil')
  writeFileSync(join(work, '.git'), 'gitdir: /nowhere\n')
  const found = await settleDeadTurns(request2())
  expect(found.map((one) => [one.kind, one.undone])).toEqual([
    ['workspace', true],
    ['hook', true],
    ['ref', true],
  ])
  expect(existsSync(join(dotGit, 'hooks/pre-commit'))).toBe(false)
  expect(await settleDeadTurns(request2())).toEqual([])

  expect(spawnSync(process.execPath, [script], { stdio: 'inherit' }).signal).toBe('SIGKILL')
  const ledger = ledgerPath(join(folder, 'ledger'), dotGit)
  execFileSync('touch', ['-d', '1 hour ago', ledger]) // its process last gave a sign of life an hour ago
  writeFileSync(join(dotGit, 'hooks/pre-commit'), 'by the user, later', { mode: 0o755 })
  repo.git('config', 'user.signingkey', 'mine')
  repo.git('tag', 'by-the-user')
  expect((await settleDeadTurns(request2())).filter((one) => one.undone)).toEqual([])
  expect(existsSync(join(dotGit, 'hooks/pre-commit'))).toBe(true)
  expect(repo.git('tag', '-l', 'by-the-user')).toBe('by-the-user')
  expect(repo.git('config', 'user.signingkey')).toBe('mine')

  function request2(): Pick<GuardRequest, 'commonDir' | 'ledger' | 'isOurs' | 'ownWorktrees'> {
    return { commonDir: dotGit, ledger: join(folder, 'ledger'), isOurs: () => false, ownWorktrees: async () => [] }
  }
})

test('a damaged ledger stops every turn, and what an agent changed is not taken for good', async () => {
  const hook = join(dotGit, 'hooks/pre-commit')
  const path = ledgerPath(join(folder, 'ledger'), dotGit)
  const snapshot = await takeSnapshot(guarded.request())
  writeFileSync(hook, 'evil')
  const whole = readFileSync(path, 'utf8')
  const damaged = { code: 'guard_failed', message: expect.stringContaining(path) as string }
  for (const text of ['', whole.slice(0, 100)]) {
    writeFileSync(path, text)
    await expect(takeSnapshot(guarded.request())).rejects.toMatchObject(damaged)
    await expect(settleDeadTurns(guarded.request())).rejects.toMatchObject(damaged)
    await expect(compareAndUndo(snapshot, guarded.request())).rejects.toMatchObject(damaged)
  }
  expect(readFileSync(hook, 'utf8')).toBe('evil')
  writeFileSync(path, whole)
  const { violations } = await compareAndUndo(snapshot, guarded.request())
  expect(violations.map((one) => [one.subject, one.undone])).toEqual([[hook, true]])
  expect(existsSync(path)).toBe(false)
})

test('a ref that Belay moves on while it is looked at is nobody’s doing', async () => {
  const ref = 'refs/belay/snapshot/run/T2'
  const [first, second] = [repo.git('rev-parse', 'HEAD'), repo.git('rev-parse', 'HEAD^{tree}')]
  const asked = guarded.request()
  const snapshot = await takeSnapshot(asked)
  repo.git('update-ref', ref, first)
  const report = await compareAndUndo(snapshot, {
    ...asked,
    isOurs: (move) => {
      if (move.after === second) return true
      // Between the guard's reading of the refs and its question whose they are: the journal knows only the last move.
      repo.git('update-ref', ref, second)
      return false
    },
  })
  expect(report).toEqual({ violations: [], notes: [] })
  expect(repo.git('rev-parse', ref)).toBe(second)
})
