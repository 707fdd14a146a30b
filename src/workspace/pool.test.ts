import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeRepo, tempFolder, type TestRepo } from '../git/testing/repo.ts'
import { RecordStore, listWorkspaces, takeLease, type Lease } from '../record/index.ts'
import { newTask, storeRun, testHome, type TestHome } from '../record/testing/record.ts'
import { WorkspacePool, makeScratch, removeScratch } from './pool.ts'

let repo: TestRepo
let home: TestHome
let folder: string
let record: RecordStore
let lease: Lease
let base: string

beforeEach(async () => {
  repo = makeRepo()
  home = testHome()
  folder = tempFolder()
  record = RecordStore.open(home.path)
  await storeRun(record, [newTask('a'), newTask('b')])
  lease = await takeLease(record, 'run:r1', 'run r1')
  base = repo.commit({ 'a.txt': 'a\n' })
})

afterEach(async () => {
  await record.close()
  home[Symbol.dispose]()
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

function pool(by: Lease | null = lease): WorkspacePool {
  return new WorkspacePool({
    record,
    project: 'p1',
    run: 'r1',
    root: repo.root,
    folder,
    meeting: join(home.path, 'guard'),
    lease: by,
  })
}

const rows = () => listWorkspaces(record.read, 'r1')

describe('a pool of workspaces', () => {
  it('gives a task the one that it has, and keeps tasks and purposes apart', async () => {
    const one = pool()
    const first = await one.lease('work', 'a', base)
    const others = [await one.lease('work', 'b', base), await one.lease('review', 'a', base)]
    expect((await one.lease('work', 'a', base)).path).toBe(first.path)
    expect((await pool().lease('work', 'a', base)).path).toBe(first.path) // another process, after a crash
    expect(new Set([first, ...others].map((workspace) => workspace.path)).size).toBe(3)
    expect(await one.held('work', 'a')).toMatchObject({ path: first.path })
    expect(await one.held('proof', 'a')).toBeNull()
  })

  it('hands a free one on instead of making another', async () => {
    const one = pool()
    const first = await one.lease('work', 'a', base)
    await one.release('a')
    await one.release('a')
    expect((await one.lease('work', 'b', base)).path).toBe(first.path)
    expect(await rows()).toHaveLength(1)
  })

  it('takes the checkout of one that rests when many do, so that their number stays bounded', async () => {
    const one = pool()
    const first = await one.lease('work', 't1', base)
    one.rest('t1')
    for (const task of ['t2', 't3', 't4', 't5', 't6', 't7', 't8']) {
      await one.lease('work', task, base)
      one.rest(task)
    }
    expect(await rows()).toHaveLength(4)
    expect(await one.held('work', 't1')).toBeNull()
    expect((await rows()).some((row) => row.path === first.path)).toBe(true)
    expect(await one.held('work', 't8')).not.toBeNull()
  })

  it('gives two tasks that ask at once two of them', async () => {
    const one = pool()
    await one.release((await one.lease('work', 'x', base)) ? 'x' : '')
    const both = await Promise.all([one.lease('work', 'a', base), one.lease('work', 'b', base)])
    expect(both[0].path).not.toBe(both[1].path)
  })

  it('remembers what setup did there, until the checkout is a new one', async () => {
    const one = pool()
    const first = await one.lease('work', 'a', base)
    await one.setState(first.path, { setupKey: 'k' })
    expect((await one.lease('work', 'a', base)).state).toEqual({ setupKey: 'k' })
    rmSync(first.path, { recursive: true })
    expect((await one.lease('work', 'a', base)).state).toEqual({})
    expect(await rows()).toMatchObject([{ state: {} }])
  })

  it('is noted before it is made, so that a crash in between is found', async () => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'no folder') // no folder can be created here
    await expect(pool().lease('work', 'a', base)).rejects.toThrow()
    expect(await rows()).toMatchObject([{ task: 'a', purpose: 'work' }])
    rmSync(folder)
    const workspace = await pool().lease('work', 'a', base)
    expect(existsSync(join(workspace.path, 'a.txt'))).toBe(true)
    expect(await rows()).toHaveLength(1)
  })

  it('is cleared of what nobody holds, or of all; folders and notes with it', async () => {
    const one = pool()
    const held = await one.lease('work', 'a', base)
    const free = await one.lease('proof', 'b', base)
    await one.release('b')
    // Like a module cache: files in a folder without write permission.
    mkdirSync(join(held.path, 'cache'))
    writeFileSync(join(held.path, 'cache/file'), '')
    chmodSync(join(held.path, 'cache'), 0o555)
    await one.clear()
    expect([held, free].map((workspace) => existsSync(workspace.path))).toEqual([true, false])
    await one.clear(true)
    expect(await rows()).toEqual([])
    expect(existsSync(folder)).toBe(false)
    expect(repo.git('worktree', 'list', '--porcelain').split('\n\n')).toHaveLength(1)
    await one.clear(true)
  })

  it('goes on clearing where a crash ended it', async () => {
    const one = pool()
    const workspace = await one.lease('work', 'a', base)
    rmSync(workspace.path, { recursive: true }) // files are removed before their row
    await pool().clear(true)
    expect(await rows()).toEqual([])
    expect(existsSync(join(repo.root, '.git/worktrees'))).toBe(false)
  })

  it('does nothing for who lost the run', async () => {
    const stale = pool()
    const workspace = await stale.lease('work', 'a', base)
    await record.write((tx) => tx.updateTable('leases').set({ token: 'another' }).execute())
    const lost = { code: 'lease_lost' }
    await expect(stale.lease('work', 'b', base)).rejects.toMatchObject(lost)
    await expect(stale.release('a')).rejects.toMatchObject(lost)
    await expect(stale.setState(workspace.path, { x: 1 })).rejects.toMatchObject(lost)
    await expect(stale.clear(true)).rejects.toMatchObject(lost)
    expect(existsSync(join(workspace.path, 'a.txt'))).toBe(true)
    expect(await rows()).toMatchObject([{ task: 'a', state: {} }])
    await pool(null).release('a') // acts without the run's lease
    expect(await rows()).toMatchObject([{ task: null }])
  })
})

it('scratch is private to the user and goes with the run, those of others stay', async () => {
  const [mine, other] = [await makeScratch(home.path, 'r1'), await makeScratch(home.path, 'r2')]
  writeFileSync(join(mine, 'index'), '')
  await makeScratch(home.path, 'r1')
  await removeScratch(home.path, 'r1')
  await removeScratch(home.path, 'r1')
  expect([mine, other].map(existsSync)).toEqual([false, true])
  await removeScratch(home.path, 'r2')
  expect(readdirSync(home.path)).not.toContain('tmp')
})
