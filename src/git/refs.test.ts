import * as fc from 'fast-check'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MoveJournal } from './moves.ts'
import { branchRef, epochRef, raiseEpochRef, readRef, refPart, taskBranch, updateRefs } from './refs.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
let folder: string
let journal: MoveJournal
let one: string
let two: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
  journal = new MoveJournal(folder, 'r1')
  one = repo.git('rev-parse', 'HEAD')
  two = repo.commit({ 'a.txt': 'a\n' })
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

const at = (ref: string): Promise<string | null> => readRef(repo.root, ref)

describe('updateRefs', () => {
  it('makes, moves, checks and removes refs', async () => {
    expect(await updateRefs(repo.root, [{ verb: 'update', ref: 'refs/heads/x', to: one, old: null }], journal)).toBe(
      true,
    )
    expect(await at('refs/heads/x')).toBe(one)
    const move = [
      { verb: 'verify', ref: 'refs/heads/none', old: null },
      { verb: 'update', ref: 'refs/heads/x', to: two, old: one },
    ] as const
    expect(await updateRefs(repo.root, move, journal)).toBe(true)
    expect(await at('refs/heads/x')).toBe(two)
    expect(await updateRefs(repo.root, [{ verb: 'delete', ref: 'refs/heads/x', old: two }], journal)).toBe(true)
    expect(await at('refs/heads/x')).toBeNull()
  })

  it.each([
    ['made already', { verb: 'update', ref: 'refs/heads/main', to: 'ONE', old: null }],
    ['moved meanwhile', { verb: 'update', ref: 'refs/heads/main', to: 'ONE', old: 'ONE' }],
    ['removed meanwhile', { verb: 'update', ref: 'refs/heads/none', to: 'ONE', old: 'ONE' }],
    ['there, and must not be', { verb: 'verify', ref: 'refs/heads/main', old: null }],
    ['not what it must be', { verb: 'verify', ref: 'refs/heads/main', old: 'ONE' }],
    ['not there, and must be', { verb: 'verify', ref: 'refs/heads/none', old: 'ONE' }],
  ] as const)('does nothing at all when a ref is %s', async (_, command) => {
    const filled = JSON.parse(JSON.stringify(command).replaceAll('ONE', one)) as Parameters<
      typeof updateRefs
    >[1][number]
    const other = { verb: 'update', ref: 'refs/heads/other', to: one } as const
    for (const commands of [
      [other, filled],
      [filled, other],
    ]) {
      expect(await updateRefs(repo.root, commands, journal)).toBe(false)
      expect(await at('refs/heads/other')).toBeNull()
      expect(await at('refs/heads/main')).toBe(two)
    }
  })

  it('names the lock that is in the way', async () => {
    mkdirSync(join(repo.root, '.git/refs/heads'), { recursive: true })
    writeFileSync(join(repo.root, '.git/refs/heads/main.lock'), '')
    const moving = updateRefs(repo.root, [{ verb: 'update', ref: 'refs/heads/main', to: one, old: two }], journal)
    await expect(moving).rejects.toMatchObject({ code: 'ref_locked', message: expect.stringContaining('main.lock') })
  })

  it('throws for what is no ref or no object', async () => {
    const update = (ref: string, to: string): Promise<boolean> =>
      updateRefs(repo.root, [{ verb: 'update', ref, to }], journal)
    await expect(update('refs/heads/x', 'f'.repeat(40))).rejects.toMatchObject({ code: 'git_failed' })
    await expect(update('refs/heads/a..b', one)).rejects.toMatchObject({ code: 'git_failed' })
  })

  it('has moves written down before they are made, a cut line notwithstanding', async () => {
    writeFileSync(join(folder, 'r1.moves'), 'abc refs/he')
    const ref = 'refs/heads/x'
    const other = new MoveJournal(folder, 'r2')
    await updateRefs(repo.root, [{ verb: 'update', ref, to: one }], journal)
    expect(await other.isOurs({ ref, after: one })).toBe(true)
    expect(await other.isOurs({ ref, after: two })).toBe(false)
    // A refused move does not change the known places; one with unknown outcome may have been made.
    expect(await updateRefs(repo.root, [{ verb: 'update', ref, to: two, old: two }], journal)).toBe(false)
    expect(await journal.places(ref)).toEqual([one])
    await journal.note([{ ref, after: two }])
    expect(await journal.places(ref)).toEqual([one, two])
    await updateRefs(repo.root, [{ verb: 'delete', ref }], journal)
    expect(await journal.places(ref)).toEqual([null])
    expect(await other.isOurs({ ref, after: one })).toBe(false)
    await journal.retire('later')
    expect(await other.isOurs({ ref, after: null })).toBe(true)
  })
})

describe('the epoch of a task in git', () => {
  const ours = (): Promise<void> => Promise.resolve()
  const raise = (epoch: number, stillOurs = ours): Promise<string> =>
    raiseEpochRef(repo.root, 'r1', 'T1', epoch, stillOurs, journal)

  it('refuses moves of who was overtaken', async () => {
    const old = await raise(1)
    const fresh = await raise(2)
    expect(fresh).not.toBe(old)
    const move = (mark: string): Promise<boolean> =>
      updateRefs(
        repo.root,
        [
          { verb: 'verify', ref: epochRef('r1', 'T1'), old: mark },
          { verb: 'update', ref: 'refs/heads/x', to: one },
        ],
        journal,
      )
    expect(await move(old)).toBe(false)
    expect(await at('refs/heads/x')).toBeNull()
    expect(await move(fresh)).toBe(true)
  })

  it('is written again without harm, and not at all by who finds itself overtaken', async () => {
    expect(await raise(1)).toBe(await raise(1))
    const before = await at(epochRef('r1', 'T1'))
    await expect(raise(2, () => Promise.reject(new Error('lease_lost')))).rejects.toThrow('lease_lost')
    expect(await at(epochRef('r1', 'T1'))).toBe(before)
  })

  it('is written in spite of an older holder that writes at the same moment', async () => {
    let asked = 0
    const mark = await raise(5, async () => {
      asked += 1
      if (asked === 1) await raise(4) // between the other's read and write
    })
    expect(asked).toBe(2)
    expect(await at(epochRef('r1', 'T1'))).toBe(mark)
  })
})

describe('refPart', () => {
  it('makes one part of a ref name of any text, and different ones of different texts', () => {
    const names = new Map<string, string>()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), (text) => {
        const part = refPart(text)
        expect(part).toMatch(/^[A-Za-z0-9_.=-]+$/)
        expect(part).not.toMatch(/^\.|\.\.|\.$|\.lock$/)
        expect(names.get(part) ?? text).toBe(text)
        names.set(part, text)
      }),
    )
  })

  it('is a file name however long a text is, and ends in its hash only where it has to', () => {
    const texts = [240, 241, 300, 4000].map((length) => 'x'.repeat(length))
    const parts = [...texts, `${'x'.repeat(299)}y`, 'é'.repeat(240), `${'é'.repeat(239)}.`].map(refPart)
    expect(parts[0]).toBe(texts[0])
    expect(new Set(parts).size).toBe(parts.length)
    for (const part of parts.slice(1)) {
      expect(part).toMatch(/^[A-Za-z0-9_.=-]{198}==[0-9a-f]{40}$/)
    }
    expect(refPart(texts[2] ?? '')).toBe(parts[2])
  })

  it('is taken by git, however a task is called', async () => {
    for (const handle of [
      'T001',
      '1.2',
      '.hidden',
      'a..b',
      'x.lock',
      'mit Umläuten',
      'a/b',
      'a\nb',
      '-x',
      '@',
      '@{1}',
      '*',
      '💥',
      'long'.repeat(300),
    ]) {
      const ref = branchRef(taskBranch('r1', handle))
      expect(await updateRefs(repo.root, [{ verb: 'update', ref, to: one, old: null }], journal), handle).toBe(true)
      expect(await at(ref), handle).toBe(one)
    }
  })
})
