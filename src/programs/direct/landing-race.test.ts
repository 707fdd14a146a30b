import { afterEach, beforeEach, expect, it } from 'vitest'
import { commitTree } from '../../git/commit.ts'
import { MoveJournal } from '../../git/moves.ts'
import { branchRef, raiseEpochRef } from '../../git/refs.ts'
import { makeRepo, type TestRepo } from '../../git/testing/repo.ts'
import { Landing } from './landing.ts'

const RESULT = 'belay/run-1/result'

let repo: TestRepo
let landing: Landing
let base: string
let restored: string[]
const marks = new Map<string, string>()

beforeEach(async () => {
  repo = makeRepo()
  base = repo.git('rev-parse', 'HEAD')
  restored = []
  const moves = new MoveJournal(`${repo.root}/.git/journal`, 'run-1')
  landing = new Landing({
    root: repo.root,
    run: 'run-1',
    resultBranch: RESULT,
    base,
    moves,
    epochMark: (handle) => marks.get(handle) ?? '',
    restored: async (_, to) => void restored.push(to),
  })
  await landing.begin()
  marks.set('T1', await raiseEpochRef(repo.root, 'run-1', 'T1', 1, async () => {}, moves))
})

afterEach(() => repo.remove())

async function land(): Promise<string> {
  return landing.alone(async () => {
    const tip = repo.git('rev-parse', branchRef(RESULT))
    const tree = repo.git('rev-parse', `${tip}^{tree}`)
    const commit = await commitTree(repo.root, { tree, parents: [tip], message: 'landed\n', sign: false })
    expect(await landing.advance('T1', tip, commit)).toBe(true)
    return commit
  })
}

it('never takes a landing that is under way for a move by somebody else', async () => {
  for (let round = 0; round < 10; round++) {
    const landed = land()
    // Other tasks ask for the tip at every moment of it.
    const tips = [landing.tip()]
    for (let n = 0; n < 20; n++) {
      await new Promise((resolve) => setImmediate(resolve))
      tips.push(landing.tip())
    }
    const commit = await landed
    await Promise.all(tips)
    expect(restored).toEqual([])
    expect(await landing.tip()).toBe(commit)
    expect(repo.git('rev-parse', branchRef(RESULT))).toBe(commit)
  }
})

it('puts result back when somebody else moved it', async () => {
  const commit = await land()
  repo.git('update-ref', branchRef(RESULT), base)
  expect(await landing.tip()).toBe(commit)
  expect(restored).toEqual([commit])
  expect(repo.git('rev-parse', branchRef(RESULT))).toBe(commit)
})
