import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkoutsOf } from './follow/checkouts.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'
import { ensureWorktree, removeWorktree, resetWorktree } from './worktrees.ts'

const DRIVER = join(import.meta.dirname, 'testing/worktrees-driver.ts')

let repo: TestRepo
let folder: string
let base: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
  base = repo.commit({ 'a.txt': 'a\n', 'b/c.txt': 'c\n' })
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

const meeting = (): string => join(folder, 'meeting')

const notes = (): string[] => {
  const path = join(repo.root, '.git/worktrees')
  return existsSync(path) ? readdirSync(path) : []
}

describe('ensureWorktree', () => {
  it('makes one, and takes the one that is there', async () => {
    const path = join(folder, 'w')
    expect(await ensureWorktree(repo.root, path, base, meeting())).toMatchObject({ path, fresh: true })
    writeFileSync(join(path, 'a.txt'), 'changed')
    expect(await ensureWorktree(repo.root, path, base, meeting())).toMatchObject({ fresh: false })
    expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe('changed')
    expect(repo.git('branch', '--list')).toBe('* main')
  })

  it.each([
    ['its files gone', (path: string) => rmSync(path, { recursive: true })],
    ['its .git gone', (path: string) => rmSync(join(path, '.git'))],
    ['a .git that leads elsewhere', (path: string) => writeFileSync(join(path, '.git'), `gitdir: ${repo.root}/.git\n`)],
    ["git's note gone", () => rmSync(join(repo.root, '.git/worktrees'), { recursive: true })],
    ['no index yet', () => rmSync(join(repo.root, '.git/worktrees/w/index'))],
    ['a note that was cut short', () => truncateSync(join(repo.root, '.git/worktrees/w/HEAD'), 0)],
  ])('makes it anew with %s', async (_, spoil) => {
    const path = join(folder, 'w')
    await ensureWorktree(repo.root, path, base, meeting())
    spoil(path)
    const again = await ensureWorktree(repo.root, path, base, meeting())
    await resetWorktree(again, base, null)
    expect(repo.gitIn(path, ['status', '--porcelain'])).toBe('')
    expect(repo.gitIn(path, ['rev-parse', 'HEAD'])).toBe(base)
    expect(notes()).toHaveLength(1)
  })

  it('makes several at once', async () => {
    const paths = Array.from({ length: 6 }, (_, i) => join(folder, `w${i}`))
    await Promise.all(paths.map((path) => ensureWorktree(repo.root, path, base, meeting())))
    for (const path of paths) expect(repo.gitIn(path, ['status', '--porcelain'])).toBe('')
  })

  it('makes and removes them while other processes do, and while lists are read', async () => {
    const run = promisify(execFile)
    const args = (name: string): string[] => [DRIVER, repo.root, base, folder, name, '12']
    const working = { yes: true }
    const drive = async (): Promise<void> => {
      await Promise.all(['a', 'b', 'c'].map((name) => run(process.execPath, args(name))))
    }
    const read = async (): Promise<void> => {
      while (working.yes) await checkoutsOf(repo.root, 'refs/heads/main')
    }
    // Both must settle: if one fails, the other would otherwise continue in a repository that is gone.
    const ended = await Promise.allSettled([drive().finally(() => (working.yes = false)), read()])
    expect(ended.filter(({ status }) => status === 'rejected')).toEqual([])
    expect(notes()).toEqual([])
    expect(readdirSync(meeting())).toEqual([])
  })
})

describe('removeWorktree', () => {
  it('takes files and note away, also half of them, and nothing of others', async () => {
    const mine = join(folder, 'mine')
    repo.git('worktree', 'add', '-q', '--detach', mine)
    const away = join(folder, 'away')
    repo.git('worktree', 'add', '-q', '--detach', away)
    rmSync(away, { recursive: true }) // `git worktree prune` would remove its entry
    const path = join(folder, 'w')
    await ensureWorktree(repo.root, path, base, meeting())
    rmSync(join(path, 'b'), { recursive: true })
    await removeWorktree(repo.root, path, meeting())
    await removeWorktree(repo.root, path, meeting())
    expect(existsSync(path)).toBe(false)
    expect(notes().toSorted((a, b) => a.localeCompare(b))).toEqual(['away', 'mine'])
    expect(existsSync(join(mine, 'a.txt'))).toBe(true)
  })

  it('leaves no empty folder of notes behind', async () => {
    const path = join(folder, 'w')
    await ensureWorktree(repo.root, path, base, meeting())
    await removeWorktree(repo.root, path, meeting())
    expect(existsSync(join(repo.root, '.git/worktrees'))).toBe(false)
  })
})

describe('resetWorktree', () => {
  it('puts HEAD, index and tracked files back, over locks and damage, and leaves the rest', async () => {
    const worktree = await ensureWorktree(repo.root, join(folder, 'w'), base, meeting())
    const { path, gitDir } = worktree
    repo.git('branch', 'task', base)
    for (const damage of [
      () => writeFileSync(join(gitDir, 'index.lock'), ''),
      () => writeFileSync(join(gitDir, 'HEAD.lock'), ''),
      () => writeFileSync(join(gitDir, 'index'), 'no index'),
      () => rmSync(join(path, 'b'), { recursive: true }),
      () => {
        rmSync(join(path, 'a.txt'))
        mkdirSync(join(path, 'a.txt'))
        writeFileSync(join(path, 'a.txt/in'), '')
      },
    ]) {
      damage()
      writeFileSync(join(path, 'untracked'), 'mine')
      await resetWorktree(worktree, base, 'task')
      expect(repo.gitIn(path, ['symbolic-ref', 'HEAD'])).toBe('refs/heads/task')
      expect(repo.gitIn(path, ['diff', '--name-only', base])).toBe('')
      expect(readFileSync(join(path, 'untracked'), 'utf8')).toBe('mine')
    }
    await resetWorktree(worktree, base, null)
    expect(() => repo.gitIn(path, ['symbolic-ref', '-q', 'HEAD'])).toThrow()
  })
})
