import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findWith, thisProcess } from '../process/index.ts'
import { findObject, header, readObject, writeObject } from './objects.ts'
import { readRef, updateRefs } from './refs.ts'
import { MoveJournal } from './moves.ts'
import { GIT_MARK, gitMark } from './run.ts'
import { GitEnded, StandingGit } from './standing.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
let journal: MoveJournal
beforeEach(() => {
  repo = makeRepo()
  journal = new MoveJournal(`${repo.root}/.git/journal`, 'run-1')
})
afterEach(() => repo.remove())

const mine = (): number[] => findWith(GIT_MARK, (mark) => mark === gitMark(thisProcess()))

describe('a standing git', () => {
  it('sees what others do meanwhile, and answers large objects whole', async () => {
    expect(await readRef(repo.root, 'refs/heads/other')).toBeNull()
    repo.git('branch', 'other')
    expect(await readRef(repo.root, 'refs/heads/other')).toBe(repo.git('rev-parse', 'HEAD'))
    repo.git('pack-refs', '--all')
    repo.git('branch', '-D', 'other')
    expect(await readRef(repo.root, 'refs/heads/other')).toBeNull()
    const large = Buffer.alloc(3 << 20, 'large\n')
    const id = await writeObject(repo.root, 'blob', large)
    repo.git('gc', '-q', '--prune=now')
    repo.git('hash-object', '-w', 'README.md')
    expect(await findObject(repo.root, id)).toBeNull()
    const again = await writeObject(repo.root, 'blob', large)
    expect((await readObject(repo.root, again))?.content.equals(large)).toBe(true)
  })

  it('answers questions that come at once in their order', async () => {
    const names = Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? 'HEAD' : `refs/heads/none-${n}`))
    const found = await Promise.all(names.map((name) => findObject(repo.root, name)))
    expect(found.map((one) => one?.type ?? null)).toEqual(names.map((name) => (name === 'HEAD' ? 'commit' : null)))
  })

  it('is started again when it was killed', async () => {
    expect(await findObject(repo.root, 'HEAD')).not.toBeNull()
    const before = mine()
    expect(before.length).toBeGreaterThan(0)
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await expect.poll(() => findObject(repo.root, 'HEAD').catch(() => null)).not.toBeNull()
  })

  it('moves refs in one transaction, again after one was refused', async () => {
    const head = repo.git('rev-parse', 'HEAD')
    const first = { verb: 'update', ref: 'refs/belay/a', to: head, old: null } as const
    expect(await updateRefs(repo.root, [first], journal)).toBe(true)
    expect(await updateRefs(repo.root, [{ ...first, ref: 'refs/belay/b' }, first], journal)).toBe(false)
    expect(await readRef(repo.root, 'refs/belay/b')).toBeNull()
    expect(await updateRefs(repo.root, [{ verb: 'delete', ref: 'refs/belay/a', old: head }], journal)).toBe(true)
    expect(await readRef(repo.root, 'refs/belay/a')).toBeNull()
    const bad = { verb: 'update', ref: 'refs/belay/a', to: '1'.repeat(40) } as const
    await expect(updateRefs(repo.root, [bad], journal)).rejects.toThrow('update-ref')
  })

  it('says how it ended when it ended instead of answering', async () => {
    const git = new StandingGit(['cat-file', '--no-such-option'], `${repo.root}/.git`)
    const error = await git.ask('HEAD\n', () => ({ more: 1 })).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(GitEnded)
    expect((error as GitEnded).result).toMatchObject({ code: 129, stderr: expect.stringContaining('no-such-option') })
  })

  it('does not keep its process alive', () => {
    const program = `const { findObject } = await import(${JSON.stringify(new URL('objects.ts', import.meta.url).href)})
      console.log((await findObject(${JSON.stringify(repo.root)}, 'HEAD')).type)`
    const args = ['--input-type=module', '-e', program]
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 })).toBe('commit\n')
  })
})

describe('an answer', () => {
  const read = (text: string, name: string): unknown => header(Buffer.from(text), name)

  it('is an object, none, or not yet whole', () => {
    const id = 'a'.repeat(40)
    const name = 'HEAD:ä\nb'
    expect(read(`${id} blob 12\n`, name)).toMatchObject({
      value: { object: { id, type: 'blob', size: 12 }, start: 49 },
    })
    for (const word of ['missing', 'ambiguous', 'submodule']) {
      expect(read(`${name} ${word}\n`, name)).toEqual({ value: null })
    }
    for (const whole of [`${name} missing\n`, `${id} blob 12\n`]) {
      const bytes = Buffer.from(whole)
      for (let n = 0; n < bytes.length; n++) expect(header(bytes.subarray(0, n), name)).toEqual({ more: n + 1 })
    }
  })

  it('that nobody knows fails at once, and the next question is answered', async () => {
    expect(read('HEAD surprising\n', 'HEAD')).toEqual({ wrong: 'HEAD surprising\n' })
    expect(read('dangling 4\nHEAD', 'HEAD')).toEqual({ wrong: 'dangling 4\nHEAD' })
    const standing = new StandingGit(['cat-file', '--batch-check'], `${repo.root}/.git`)
    const never = standing.ask('HEAD\n', (seen) => ({ wrong: seen.toString() }))
    await expect(never).rejects.toMatchObject({ code: 'git_failed', received: expect.stringContaining(' commit ') })
    const again = standing.ask('HEAD\n', (seen) => ({ value: seen.toString() }))
    expect(await again).toContain(' commit ')
  })
})
