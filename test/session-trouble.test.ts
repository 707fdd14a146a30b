import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World } from './support/world.ts'

/** What happens to sessions if what they depend on is moved, taken or damaged. */
let world: World
beforeEach(() => {
  world = new World()
  world.config().unconfined().commit()
  world.script({ implementer: { exec: [{ sh: 'echo a >> a.txt', lines: [{ type: 'message', text: 'said' }] }] } })
})
afterEach(() => world.dispose())

const folder = (id: string): string => join(world.home, 'sessions', id)

async function ids(): Promise<string[]> {
  const { sessions } = await world.json<{ sessions: { id: string }[] }>(['session', 'list'])
  return sessions.map(({ id }) => id).toSorted()
}

async function refused(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout } = await world.belay([...args, '--json'])
  expect(code).toBe(2)
  return (JSON.parse(stdout) as { error: Record<string, unknown> }).error
}

describe('a workspace of its own', () => {
  it('is refused, and nothing made, where its branch cannot be called so or another is in its way', async () => {
    world.git('branch', 'belay/taken')
    const session = ['exec', 'x', '--workspace', 'session', '--session']
    for (const id of ['a..b', 'x.lock', '.hidden'])
      expect(await refused(...session, id)).toMatchObject({ code: 'branch_invalid', next: 'take another --session' })
    expect(await refused('exec', 'x', '--collaboration', 'parallel', '--part', 'p', '--session', 'a..b')).toMatchObject(
      { code: 'branch_invalid', received: 'belay/a..b/result' },
    )
    expect(await refused(...session, 'taken')).toMatchObject({
      code: 'branch_invalid',
      expected: 'no branch belay/taken',
      next: 'git branch -m belay/taken NEW',
    })
    expect(await ids()).toEqual([])
    expect(existsSync(join(world.home, 'workspaces', 'session'))).toBe(false)
    expect(world.git('worktree', 'list').split('\n')).toHaveLength(1)
    // Where no branch is made, such ids are as good as any.
    expect((await world.belay(['exec', 'x', '--session', 'a..b'])).code).toBe(0)
  })

  it('of a repository that was moved away is neither worked in nor removed, until it is back', async () => {
    for (const args of [
      ['--session', 'own', '--workspace', 'session'],
      ['--session', 'both', '--collaboration', 'parallel', '--part', 'one'],
    ])
      expect((await world.belay(['exec', 'x', ...args])).code).toBe(0)
    const elsewhere = join(world.dir, 'elsewhere')
    mkdirSync(elsewhere)
    renameSync(world.repo, join(world.dir, 'moved'))
    mkdirSync(world.repo)
    writeFileSync(join(world.repo, 'belay.yaml'), readFileSync(join(world.dir, 'moved', 'belay.yaml')))
    const gone = { code: 'repository_gone', expected: world.repo }
    expect(await refused('exec', 'y', '--session', 'own')).toMatchObject(gone)
    expect(await refused('session', 'resume', 'own', 'y')).toMatchObject(gone)
    expect(await refused('session', 'merge', 'both')).toMatchObject(gone)
    expect(await refused('exec', 'y', '--session', 'both.one')).toMatchObject({ code: 'repository_gone' })
    expect(await refused('session', 'delete', 'own')).toMatchObject({ code: 'work_unsaved' })
    const { deleted, kept } = await world.json<{ deleted: string[]; kept: { id: string }[] }>([
      'session',
      'cleanup',
      '--older-than',
      '0s',
    ])
    expect([deleted, kept.map(({ id }) => id).toSorted()]).toEqual([[], ['both', 'both.one', 'own']])
    rmSync(world.repo, { recursive: true })
    renameSync(join(world.dir, 'moved'), world.repo)
    expect((await world.belay(['exec', 'y', '--session', 'own'])).code).toBe(0)
    expect((await world.belay(['session', 'merge', 'both'])).code).toBe(0)
  })
})

it('cleanup takes the parts of a session before the session itself, and says so beforehand', async () => {
  const part = ['--session', 'app', '--collaboration', 'parallel', '--part', 'one']
  expect((await world.belay(['exec', 'x', ...part])).code).toBe(0)
  expect((await world.belay(['session', 'merge', 'app'])).code).toBe(0)
  // The session was used after its part, so that lists have it first.
  expect((await world.belay(['exec', 'y', '--session', 'app'])).code).toBe(0)
  const cleanup = ['session', 'cleanup', '--older-than', '0s']
  const all = { deleted: ['app.one', 'app'], kept: [] }
  expect(await world.json([...cleanup, '--dry-run'])).toMatchObject(all)
  expect(await world.json(cleanup)).toMatchObject(all)
  expect(await ids()).toEqual([])
})

it('a session whose folder is gone says how to go on with it elsewhere', async () => {
  const there = join(world.repo, 'there')
  mkdirSync(there)
  expect((await world.belay(['exec', 'x', '--session', 's'], { cwd: there })).code).toBe(0)
  rmSync(there, { recursive: true })
  expect(await refused('session', 'resume', 's', 'y')).toMatchObject({
    code: 'no_folder',
    received: there,
    next: 'go on with it in another folder: cd FOLDER && belay exec PROMPT --session s',
  })
  expect((await world.belay(['exec', 'y', '--session', 's'])).code).toBe(0)
})

it('a session whose session.json is damaged is named, and its lines make another one', async () => {
  expect((await world.belay(['exec', 'find it', '--session', 's'])).code).toBe(0)
  writeFileSync(join(folder('s'), 'session.json'), '{"id": "s", "tur')
  const list = await world.belay(['session', 'list'])
  expect(list).toMatchObject({ code: 0, stderr: 'note: session s is damaged: belay session info s\n' })
  for (const args of [['info'], ['show'], ['delete'], ['resume']])
    expect(await refused('session', ...args, 's')).toMatchObject({
      code: 'session_damaged',
      received: join(folder('s'), 'session.json'),
    })
  expect((await world.belay(['session', 'import', join(folder('s'), 'session.jsonl'), '--id', 'new'])).code).toBe(0)
  expect((await world.belay(['session', 'show', 'new'])).stdout).toContain('> find it\nsaid\n-- done\n')
})

it('a lock that is no file keeps nobody out, and one with a number that cannot be is named', async () => {
  expect((await world.belay(['exec', 'x', '--session', 's'])).code).toBe(0)
  mkdirSync(join(folder('s'), 'lock.70'))
  symlinkSync('nowhere', join(folder('s'), 'lock.80'))
  expect((await world.belay(['exec', 'y', '--session', 's'])).code).toBe(0)
  mkdirSync(join(folder('s'), 'lock.99999999999999999999999'))
  expect(await refused('exec', 'z', '--session', 's')).toMatchObject({
    code: 'session_damaged',
    next: expect.stringContaining(`remove the lock.N with that number from ${folder('s')}`),
  })
})

it('export writes to stdout for -, and import says how to take an id that is free', async () => {
  expect((await world.belay(['exec', 'x', '--session', 's'])).code).toBe(0)
  const plain = await world.belay(['session', 'export', 's'])
  expect(await world.belay(['session', 'export', 's', '--output', '-'])).toEqual(plain)
  expect(world.has('-')).toBe(false)
  const file = join(world.dir, 's.jsonl')
  writeFileSync(file, plain.stdout)
  expect(await refused('session', 'import', file)).toMatchObject({
    code: 'session_exists',
    received: 's',
    next: 'belay session import FILE --id NEW',
  })
})

it('shows which turns were cut off', async () => {
  expect((await world.belay(['exec', 'one', '--session', 's'])).code).toBe(0)
  const log = join(folder('s'), 'session.jsonl')
  const withoutEnd = readFileSync(log, 'utf8').trimEnd().split('\n').slice(0, -1).join('\n')
  writeFileSync(log, `${withoutEnd}\n`)
  expect((await world.belay(['session', 'show', 's'])).stdout).toMatch(/> one\n-- cut off\n$/)
  expect((await world.belay(['exec', 'two', '--session', 's'])).code).toBe(0)
  expect((await world.belay(['session', 'show', 's'])).stdout).toMatch(
    /> one\n-- cut off\n\nturn 2 .*\n> two\nsaid\n-- done\n$/,
  )
})
