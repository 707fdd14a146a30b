import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { World, type Scenario } from '../support/world.ts'
import { expectProven, status, userState, verified } from './support.ts'
import { world, start, turn, run, finish, shell } from './shapes-world.ts'

describe('an unfinished checkout', () => {
  function dirty(scenario: Scenario = turn({ files: { 'app.txt': 'one\ntwo\nthree\n', 'new.txt': 'new\n' } })): World {
    start(scenario)
      .files({ 'app.txt': 'one\ntwo\n', 'mine.txt': 'mine\n', 'staged.txt': 'staged\n' })
      .config('verify:\n  commands: [{run: "test -f app.txt", name: there}]\n')
      .commit()
    world.files({ 'mine.txt': 'mine, unfinished\n', 'staged.txt': 'staged, too\n', 'untracked.txt': 'not added\n' })
    world.git('add', 'staged.txt')
    return world
  }

  it('stays byte for byte, and the command to finish works after a commit', async () => {
    dirty()
    const before = userState(world)
    await run(['Add a line'])
    expect(userState(world)).toEqual(before)
    const command = await finish()
    world.git('commit', '-qam', 'my own work')
    shell(command)
    expect((await status(world)).run).toMatchObject({ landed: true, finish_command: null })
    expect((await world.belay(['show', 'prompt'])).stdout).toMatch(/commit \w+ on main$/m)
    expect(world.read('app.txt')).toBe('one\ntwo\nthree\n')
    expect(world.read('mine.txt')).toBe('mine, unfinished\n')
    expect(world.git('status', '--porcelain')).toBe('?? untracked.txt')
  })

  it('finishes after a stash, and belay resume finishes too', async () => {
    dirty()
    await run(['Add a line'])
    const command = await finish()
    world.git('stash', '-q')
    shell(command)
    world.git('stash', 'pop', '-q', '--index')
    expect(world.git('status', '--porcelain').split('\n').sort()).toEqual(
      [' M mine.txt', '?? untracked.txt', 'M  staged.txt'].toSorted(),
    )
    expect(world.read('new.txt')).toBe('new\n')
    world.dispose()

    dirty()
    await run(['Add a line'])
    world.git('stash', '-q')
    expect((await world.belay(['resume'])).code).toBe(0)
    expect((await status(world)).run).toMatchObject({ landed: true, finish_command: null })
    expect(world.read('new.txt')).toBe('new\n')
    await expectProven(world)
  })

  it('is left alone where an untracked file is in the way', async () => {
    start(turn({ files: { 'new.txt': 'of the agent\n' } }))
      .files({ 'app.txt': 'one\n' })
      .config()
      .commit()
    world.files({ 'new.txt': 'of the user\n' })
    const before = userState(world)
    await run(['Write a file'])
    expect(userState(world)).toEqual(before)
    const command = await finish()
    rmSync(join(world.repo, 'new.txt'))
    shell(command)
    expect(world.read('new.txt')).toBe('of the agent\n')
  })

  it('in the middle of a merge is left alone', async () => {
    start(turn({ files: { 'new.txt': 'new\n' } }))
      .files({ 'app.txt': 'one\n' })
      .config()
      .commit()
    world.git('switch', '-qc', 'other')
    world.files({ 'app.txt': 'other\n' }).commit('other')
    world.git('switch', '-q', 'main')
    world.files({ 'app.txt': 'main\n' }).commit('main')
    try {
      world.git('merge', 'other')
    } catch {
      // it conflicts, as it should
    }
    const before = userState(world)
    await run(['Write a file'])
    expect(userState(world)).toEqual(before)
    expect(existsSync(join(world.repo, '.git', 'MERGE_HEAD'))).toBe(true)
    world.git('merge', '--abort')
    shell(await finish())
    expect(world.read('new.txt')).toBe('new\n')
  })
})

describe('a monorepo', () => {
  it('works from a subdirectory, with gates in their own folders', async () => {
    start(turn({ files: { 'packages/a/a.txt': 'a\n' } }))
      .files({ 'packages/a/keep': '', 'packages/b/keep': '' })
      .config(
        'verify:\n  commands: [{run: "pwd; ls", name: a, cwd: packages/a}, {run: "test -d packages/b", name: root}]\n',
      )
      .commit()
    await run(['Write a'], { cwd: join(world.repo, 'packages', 'a') })
    const [a] = await verified(world, 'prompt')
    expect(a?.output_head).toMatch(/packages\/a\na\.txt\nkeep\n$/)
    expect(world.read('packages/a/a.txt')).toBe('a\n')
    const inside = await world.belay(['status', '--json'], { cwd: join(world.repo, 'packages', 'b') })
    expect(JSON.parse(inside.stdout)).toMatchObject({ run: { status: 'done', landed: true } })
    await expectProven(world)
  })

  it('finds a feature by a path relative to where the user stands', async () => {
    start(turn({ files: { 'done.txt': '1\n' } }))
      .feature('001-x', ['- [ ] T001 Write it'])
      .config()
      .commit()
    await run(['001-x'], { cwd: join(world.repo, 'specs') })
    expect(world.log()[1]?.trailers['Belay-Task']).toBe('T001')
  })

  it('is told of a branch of theirs that leaves no room for those of Belay', async () => {
    start(turn({ files: { 'done.txt': '1\n' } }))
      .config()
      .commit()
    world.git('branch', 'belay')
    const refused = await run(['Write it'], { code: 2 })
    expect(refused.stderr).toContain('[branch_in_the_way]')
    world.git('branch', '-m', 'belay', 'mine')
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(world.read('done.txt')).toBe('1\n')
  })

  it('finds a feature by its path from the root too, which is how messages write it', async () => {
    start(turn({ files: { 'done.txt': '1\n' } }))
      .feature('001-x', ['- [ ] T001 Write it'])
      .feature('002-y', ['- [ ] T001 Write it'])
      .config()
      .commit()
    const cwd = join(world.repo, 'specs', '002-y')
    const { stderr } = await world.belay(['run'], { cwd })
    const said = /belay run (specs\/\S+)/.exec(stderr)?.[1] ?? ''
    await run([said], { cwd })
    expect((await status(world)).run?.status).toBe('done')
  })
})

describe('where HEAD is', () => {
  it('detached: lands on result only', async () => {
    start(turn({ files: { 'new.txt': 'new\n' } }))
      .files({ a: '1\n' })
      .config()
      .commit()
    world.git('switch', '-q', '--detach')
    const before = userState(world)
    await run(['Write a file'])
    expect(userState(world)).toEqual(before)
    const { run: shown } = await status(world)
    expect(shown).toMatchObject({ status: 'done', target: null, landed: false })
    const command = await finish()
    await expectProven(world, shown?.result_branch)
    shell(command)
    expect(world.read('new.txt')).toBe('new\n')
  })

  it('in a linked worktree', async () => {
    start(turn({ files: { 'new.txt': 'new\n' } }))
      .files({ a: '1\n' })
      .config()
      .commit()
    const linked = join(world.dir, 'linked tree')
    world.git('worktree', 'add', '-q', '-b', 'side', linked)
    await run(['Write a file'], { cwd: linked })
    expect(readFileSync(join(linked, 'new.txt'), 'utf8')).toBe('new\n')
    expect(world.has('new.txt')).toBe(false)
    expect(world.git('log', '-1', '--format=%s', 'side')).toBe('Write a file')
    expect(world.git('-C', linked, 'status', '--porcelain')).toBe('')
    await expectProven(world, 'side')
  })
})

describe('--into another branch', () => {
  function into(): World {
    start(turn({ files: { 'new.txt': 'new\n' } }))
      .files({ a: '1\n' })
      .config()
      .commit()
    return world
  }

  it('that nobody has checked out', async () => {
    into().git('branch', 'next')
    world.files({ b: 'only on main\n' }).commit('main goes on')
    const before = world.git('rev-parse', 'main')
    await run(['Write a file', '--into', 'next'])
    expect(world.git('rev-parse', 'main')).toBe(before)
    expect(world.has('new.txt')).toBe(false)
    expect(world.git('ls-tree', '--name-only', 'next')).toBe('a\nbelay.yaml\nnew.txt')
    expect((await status(world)).run).toMatchObject({ target: 'next', landed: true })
    await expectProven(world, 'next')
  })

  it('that is checked out elsewhere', async () => {
    const other = join(into().dir, 'other')
    world.git('worktree', 'add', '-q', '-b', 'next', other)
    await run(['Write a file', '--into', 'next'])
    expect(readFileSync(join(other, 'new.txt'), 'utf8')).toBe('new\n')
    expect(world.git('-C', other, 'status', '--porcelain')).toBe('')
    expect(world.has('new.txt')).toBe(false)
  })

  it('that does not exist yet', async () => {
    into()
    const before = userState(world)
    await run(['Write a file', '--into', 'feature/new'])
    expect((await status(world)).run).toMatchObject({ target: 'feature/new', landed: true })
    expect(world.git('ls-tree', '--name-only', 'feature/new')).toContain('new.txt')
    expect(userState(world)).toEqual({ ...before, branches: expect.any(Array) })
  })

  it.each(['a b', '-x', 'x..y', 'refs/heads/', 'HEAD', 'x.lock', '@'])('that cannot be: %j', async (name) => {
    into()
    const failure = await world.json<{ error: { code: string; received: string } }>([
      'run',
      'Write a file',
      `--into=${name}`,
    ])
    expect(failure.error).toMatchObject({ code: 'branch_name', received: name })
    expect(world.requests()).toEqual([])
  })
})
