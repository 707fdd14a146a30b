import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MoveJournal } from '../../git/moves.ts'
import { raiseEpochRef, readRef } from '../../git/refs.ts'
import { makeRepo, tempFolder, type TestRepo } from '../../git/testing/repo.ts'
import { Landing } from './landing.ts'

const RESULT = 'refs/heads/belay/r1/result'

let repo: TestRepo
let folder: string
let base: string
let marks: Record<string, string>
let restored: [string | null, string][]

beforeEach(async () => {
  repo = makeRepo()
  folder = tempFolder()
  base = repo.git('rev-parse', 'HEAD')
  restored = []
  marks = {}
  for (const handle of ['A', 'B']) marks[handle] = await raise(handle, 1)
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

const journal = (): MoveJournal => new MoveJournal(join(folder, 'moves'), 'r1')
const raise = (handle: string, epoch: number): Promise<string> =>
  raiseEpochRef(repo.root, 'r1', handle, epoch, () => Promise.resolve(), journal())

/** The landing of a process: each call is a Belay of its own. */
async function begun(): Promise<Landing> {
  const landing = new Landing({
    root: repo.root,
    run: 'r1',
    resultBranch: 'belay/r1/result',
    base,
    moves: journal(),
    epochMark: (handle) => marks[handle] ?? '',
    restored: (from, to) => {
      restored.push([from, to])
      return Promise.resolve()
    },
  })
  await landing.begin()
  return landing
}

/** A commit of a task, as integrate makes it. */
function commitOf(task: string, parent: string): string {
  const tree = repo.git('rev-parse', `${parent}^{tree}`)
  return repo.git('commit-tree', tree, '-p', parent, '-m', `work\n\nBelay-Task: ${task}\nBelay-Run: r1`)
}

const result = (): Promise<string | null> => readRef(repo.root, RESULT)

describe('landing', () => {
  it('moves result by one task after the other, and knows what has landed', async () => {
    const landing = await begun()
    expect(await landing.tip()).toBe(base)
    const one = commitOf('A', base)
    expect(await landing.advance('A', base, one)).toBe(true)
    const two = commitOf('B', one)
    expect(await landing.advance('B', one, two)).toBe(true)
    expect([await landing.tip(), await result()]).toEqual([two, two])
    const found = [await landing.findLanded('A'), await landing.findLanded('B'), await landing.findLanded('C')]
    expect(found).toEqual([one, two, null])
    expect(await (await begun()).tip()).toBe(two)
    expect(restored).toEqual([])
  })

  it('of a task that came too late is refused, and a restart keeps what the other has landed', async () => {
    const landing = await begun()
    const one = commitOf('A', base)
    expect(await landing.advance('A', base, one)).toBe(true)
    expect(await landing.advance('B', base, commitOf('B', base))).toBe(false)
    expect(await result()).toBe(one)
    expect(await (await begun()).tip()).toBe(one)
    expect(await result()).toBe(one)
    expect(restored).toEqual([])
  })

  it('that was noted when Belay died, and would have been refused, is not made by the restart', async () => {
    const landing = await begun()
    const one = commitOf('A', base)
    await landing.advance('A', base, one)
    await journal().note([{ ref: RESULT, after: commitOf('B', base) }])
    expect(await (await begun()).tip()).toBe(one)
    expect(restored).toEqual([])
  })

  it('that was noted when Belay died is taken as it came: made or not', async () => {
    const landing = await begun()
    const one = commitOf('A', base)
    await landing.advance('A', base, one)
    const two = commitOf('B', one)
    await journal().note([{ ref: RESULT, after: two }])
    expect(await (await begun()).tip()).toBe(one)
    repo.git('update-ref', RESULT, two)
    expect(await (await begun()).tip()).toBe(two)
    expect(restored).toEqual([])
  })

  it('is put back when somebody else has moved result, also while nobody looked', async () => {
    const landing = await begun()
    const one = commitOf('A', base)
    await landing.advance('A', base, one)
    const two = commitOf('B', one)
    await landing.advance('B', one, two)
    await landing.advance('A', base, commitOf('A', base)) // refused: it must not be taken for the newest
    for (const spoil of [() => repo.git('update-ref', RESULT, one), () => repo.git('update-ref', '-d', RESULT)]) {
      spoil()
      expect(await landing.tip()).toBe(two)
      spoil()
      expect(await (await begun()).tip()).toBe(two)
      expect(await result()).toBe(two)
    }
    expect(restored).toHaveLength(4)
  })

  it('is refused to who was overtaken', async () => {
    const landing = await begun()
    await raise('A', 2)
    await expect(landing.advance('A', base, commitOf('A', base))).rejects.toMatchObject({ code: 'lease_lost' })
    expect(await result()).toBe(base)
    expect(await (await begun()).tip()).toBe(base)
  })
})
