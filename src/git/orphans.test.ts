import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTimeOf, thisProcess, type ProcessIdentity } from '../process/index.ts'
import { endOrphans, isGitAtWork } from './orphans.ts'
import { GIT_MARK, gitMark } from './run.ts'
import { removeStale, type StalePlace } from './stale.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
let dotGit: string
const children: ChildProcess[] = []

beforeEach(() => {
  repo = makeRepo()
  dotGit = join(repo.root, '.git')
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  repo.remove()
})

/** The identity of a process that has ended. */
async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['60'])
  const pid = child.pid as number
  const startTime = startTimeOf(pid) ?? ''
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { pid, startTime }
}

/** A git process that waits for its input, started as if by the Belay process `owner`. */
async function waitingGit(
  owner: ProcessIdentity,
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<ChildProcess> {
  const child = spawn('git', ['cat-file', '--batch-check'], {
    cwd: options.cwd ?? repo.root,
    env: { ...process.env, [GIT_MARK]: gitMark(owner), ...options.env },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  children.push(child)
  child.stdin?.write('HEAD\n')
  await once(child.stdout as NodeJS.ReadableStream, 'data') // it has become git
  return child
}

const lives = (child: ChildProcess): boolean => startTimeOf(child.pid as number) !== null

describe('endOrphans', () => {
  it('ends what a dead Belay left in the repository, in any of its folders or named by it', async () => {
    const dead = await deadProcess()
    const left = [
      await waitingGit(dead),
      await waitingGit(dead, { cwd: dotGit }),
      await waitingGit(dead, { cwd: '/', env: { GIT_DIR: dotGit } }),
    ]
    await endOrphans([repo.root, dotGit], 50)
    expect(left.map(lives)).toEqual([false, false, false])
  })

  it('leaves alone what a living Belay, the user or a Belay elsewhere started', async () => {
    const dead = await deadProcess()
    const other = makeRepo()
    try {
      const kept = [
        await waitingGit(thisProcess()),
        await waitingGit(dead, { cwd: other.root }),
        await waitingGit(dead, { env: { [GIT_MARK]: '' } }).catch(() => expect.fail('no git')),
      ]
      const user = spawn('git', ['cat-file', '--batch-check'], { cwd: repo.root, stdio: ['pipe', 'pipe', 'ignore'] })
      children.push(user)
      await endOrphans([repo.root, dotGit], 50)
      // The third has an empty mark: no such Belay process is alive, so it counts as an orphan.
      expect([...kept, user].map(lives)).toEqual([true, true, false, true])
    } finally {
      other.remove()
    }
  })

  it('lets it finish what it does within the grace', async () => {
    const git = await waitingGit(await deadProcess())
    const ending = endOrphans([repo.root], 30_000)
    git.stdin?.end()
    await once(git, 'exit')
    await ending
    expect(git.exitCode).toBe(0)
  })

  it('sees whether a git works in a folder', async () => {
    const folder = tempFolder()
    try {
      expect(isGitAtWork([repo.root])).toBe(process.platform === 'linux' ? false : null)
      await waitingGit(thisProcess())
      expect(isGitAtWork([repo.root])).toBe(process.platform === 'linux' ? true : null)
      expect(isGitAtWork([folder])).toBe(process.platform === 'linux' ? false : null)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('removeStale', () => {
  const place = (more: Partial<StalePlace> = {}): StalePlace => ({
    root: repo.root,
    commonDir: dotGit,
    refs: ['refs/heads/belay/r1/', 'refs/belay/epoch/r1/', 'refs/heads/main'],
    ...more,
  })

  function lock(name: string): string {
    const path = join(dotGit, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, '')
    return path
  }

  it('takes the locks of named and packed refs away, and git works again', async () => {
    repo.git('update-ref', 'refs/heads/belay/r1/result', 'HEAD')
    const left = [
      lock('refs/heads/belay/r1/result.lock'),
      lock('refs/belay/epoch/r1/T001.lock'),
      lock('refs/heads/main.lock'),
      lock('packed-refs.lock'),
      lock('packed-refs.new'),
    ]
    const others = [lock('refs/heads/mine.lock'), lock('refs/heads/belay/r2/result.lock'), lock('index.lock')]
    expect((await removeStale(place())).toSorted((a, b) => a.localeCompare(b))).toEqual(
      left.toSorted((a, b) => a.localeCompare(b)),
    )
    expect(left.map(existsSync)).toEqual(left.map(() => false))
    expect(others.map(existsSync)).toEqual([true, true, true])
    repo.git('update-ref', '-d', 'refs/heads/belay/r1/result')
  })

  it('leaves everything while a git works in the repository', async () => {
    const left = lock('packed-refs.lock')
    await waitingGit(thisProcess())
    expect(await removeStale(place())).toEqual([])
    expect(existsSync(left)).toBe(true)
  })

  it('leaves a lock that somebody touches meanwhile', async () => {
    const left = lock('packed-refs.lock')
    const touching = setInterval(() => utimesSync(left, new Date(), new Date()), 20)
    try {
      expect(await removeStale(place())).toEqual([])
    } finally {
      clearInterval(touching)
    }
    expect(existsSync(left)).toBe(true)
  })

  it('takes worktrees away that git had only begun to make, and no others', async () => {
    const folder = tempFolder()
    const whole = join(folder, 'whole')
    repo.git('worktree', 'add', '-q', '--detach', whole)
    const away = join(folder, 'away')
    repo.git('worktree', 'add', '-q', '--lock', '--detach', away)
    rmSync(away, { recursive: true }) // the user's, on an unmounted drive
    const begun = join(dotGit, 'worktrees', 'work-1')
    mkdirSync(begun)
    writeFileSync(join(begun, 'locked'), 'initializing')
    expect(await removeStale(place())).toEqual([begun])
    expect(repo.git('worktree', 'list', '--porcelain')).toContain(`worktree ${away}`)
    rmSync(folder, { recursive: true })
  })

  it('takes no time where nothing is left', async () => {
    // One of several tries must be fast: waiting would slow every try, a busy machine only some.
    const took: number[] = []
    while (took.length < 50 && !took.some((ms) => ms < 800)) {
      const started = performance.now()
      expect(await removeStale(place())).toEqual([])
      took.push(performance.now() - started)
    }
    expect(Math.min(...took)).toBeLessThan(800)
  })
})
