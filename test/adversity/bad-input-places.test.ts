import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { collect } from '../support/world.ts'
import { expectProven, status, userState, type Status } from './support.ts'
import { world, mounts, start, ready, errorOf, refused } from './bad-input-world.ts'

describe('where there is no repository', () => {
  it('a plain folder, a bare repository, the inside of .git', async () => {
    ready()
    const plain = join(world.dir, 'plain')
    mkdirSync(plain)
    for (const command of [['run', 'Write a file'], ['init', '--yes'], ['status']]) {
      await refused(command, 'no_repository', { cwd: plain })
    }
    expect(readdirSync(plain)).toEqual([])
    const bare = join(world.dir, 'bare.git')
    world.git('clone', '-q', '--bare', '.', bare)
    await refused(['run', 'Write a file'], 'bare_repository', { cwd: bare })
    await refused(['run', 'Write a file'], 'no_repository', { cwd: join(world.repo, '.git') })
  })

  it('no commit yet', async () => {
    start().files({ 'a.txt': 'a\n' }).config()
    expect((await refused(['run', 'Write a file'], 'unborn_head')).next).toBe(
      'git add -A && git commit -m "First commit"',
    )
  })

  it('a HEAD that names nothing', async () => {
    ready()
    writeFileSync(join(world.repo, '.git', 'HEAD'), `${'1'.repeat(40)}\n`)
    await refused(['run', 'Write a file'], 'broken_head')
  })

  it('a repository of somebody else', async () => {
    if (process.getuid?.() !== 0) return void process.stderr.write('skipped: only root can give a folder away\n')
    ready()
    execFileSync('chown', ['-R', '65534', world.repo])
    const error = await refused(['run', 'Write a file'], 'unsafe_repository')
    expect(error.next).toContain('safe.directory')
  })
})

describe('what is missing', () => {
  it('a name and address', async () => {
    ready()
    for (const name of Object.keys(world.env)) if (/^GIT_(AUTHOR|COMMITTER)/.test(name)) delete world.env[name]
    const error = await refused(['run', 'Write a file'], 'identity_missing')
    expect(error.next).toContain('git config --global user.name')
  })

  it('git', async () => {
    ready()
    const bin = join(world.dir, 'bin')
    mkdirSync(bin)
    await refused(['run', 'Write a file'], 'git_missing', { env: { PATH: bin } })
  })

  it('git that is too old', async () => {
    ready()
    const bin = join(world.dir, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'git'), '#!/bin/sh\necho git version 2.17.1\n', { mode: 0o755 })
    const error = await refused(['run', 'Write a file'], 'git_too_old', {
      env: { PATH: `${bin}:${world.env['PATH']}` },
    })
    expect(error.received).toContain('2.17.1')
  })

  it('the agent', async () => {
    ready()
    const bin = join(world.dir, 'bin')
    mkdirSync(bin)
    symlinkSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), join(bin, 'git'))
    for (const agent of ['claude', 'codex']) {
      const error = await refused(['run', 'Write a file', '--agent', agent], 'agent_missing', { env: { PATH: bin } })
      expect(error.received).toContain(agent)
    }
    world.files({
      'belay.yaml':
        'workflow:\n  roles:\n    implementer: {provider: command, command: [./not-there]}\n    reviewer: {provider: command, command: [./not-there]}\n',
    })
    expect((await refused(['run', 'Write a file'], 'agent_missing')).received).toContain('not-there')
  })
})

describe('the state folder', () => {
  it('cannot be made', async () => {
    ready()
    writeFileSync(join(world.dir, 'file'), '')
    await refused(['run', 'Write a file'], 'record_unwritable', {
      exit: 1,
      env: { BELAY_HOME: join(world.dir, 'file', 'home') },
    })
  })

  it('holds a file that is no record, and it stays', async () => {
    ready()
    mkdirSync(world.home)
    for (const content of ['not a database at all, just text\n', `SQLite format 3\0${'garbage'.repeat(2000)}`]) {
      writeFileSync(join(world.home, 'belay.db'), content)
      const result = await world.belay(['run', 'Write a file', '--json'])
      expect(result.code).toBe(1)
      expect(errorOf(result)).toMatchObject({
        code: expect.stringMatching(/^record_(foreign|corrupt)$/),
        next: expect.any(String),
      })
      expect(readFileSync(join(world.home, 'belay.db'), 'utf8')).toBe(content)
      expect(world.requests()).toEqual([])
    }
  })

  it('is damaged in the middle: nothing is lost over it', async () => {
    ready()
    expect((await world.belay(['run', 'Write a file'])).code).toBe(0)
    const file = join(world.home, 'belay.db')
    for (const name of ['belay.db-wal', 'belay.db-shm']) rmSync(join(world.home, name), { force: true })
    const content = readFileSync(file)
    const broken = Buffer.from(content)
    for (let at = 4096; at < broken.length; at += 64) broken[at] = 0xff
    writeFileSync(file, broken)
    const before = userState(world)
    const result = await world.belay(['run', 'Write another', '--json'])
    expect(result.code, result.stdout + result.stderr).toBe(1)
    expect(errorOf(result).code).toBe('record_corrupt')
    expect(userState(world)).toEqual(before)
    writeFileSync(file, content)
    for (const name of ['belay.db-wal', 'belay.db-shm']) rmSync(join(world.home, name), { force: true })
    expect((await status(world)).run?.status).toBe('done')
  })

  it('was written by a newer Belay', async () => {
    ready()
    expect((await world.belay(['status'])).code).toBe(0)
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(world.home, 'belay.db'))
    database.exec('pragma user_version = 9999')
    database.close()
    await refused(['run', 'Write a file'], 'record_newer', { exit: 1 })
  })
})

describe('disks', () => {
  it('read-only', async () => {
    ready()
    if (!mountAt(world.home, 'ro')) return
    await refused(['run', 'Write a file'], 'record_unwritable', { exit: 1 })
  })

  it('too small for the checkouts', async () => {
    ready()
    if (!mountAt(world.home, 'size=20m')) return
    const result = await world.belay(['run', 'Write a file', '--json'])
    expect(result.code, result.stdout).toBe(2)
    expect(errorOf(result)).toMatchObject({
      code: 'disk_full',
      expected: expect.stringMatching(/MB free/),
      next: expect.stringContaining('belay clean'),
    })
    expect(world.requests()).toEqual([])
  })

  it('too small for the record', async () => {
    ready()
    if (!mountAt(world.home, 'size=16k')) return
    const result = await world.belay(['run', 'Write a file', '--json'])
    expect(result.code, result.stdout).toBe(1)
    expect(errorOf(result).code).toBe('record_unwritable')
    expect(world.requests()).toEqual([])
  })

  it('full: a session can be removed, which makes room', async () => {
    ready()
    if (!mountAt(world.home, 'size=2m')) return
    const header = { type: 'session', schema: 1, id: 's', created_at: '2026-01-01T00:00:00.000Z' }
    writeFileSync(join(world.dir, 's.jsonl'), `${JSON.stringify(header)}\n`)
    expect((await world.belay(['session', 'import', join(world.dir, 's.jsonl')])).code).toBe(0)
    execFileSync('sh', ['-c', `cat /dev/zero > ${world.home}/ballast 2>/dev/null || true`])
    await refused(['session', 'import', join(world.dir, 's.jsonl'), '--id', 't'], 'disk_full', { exit: 1 })
    expect((await world.belay(['session', 'delete', 's'])).stdout).toBe('deleted s\n')
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })

  it('full in the middle of a run: it goes on when there is room', async () => {
    start({
      implementer: {
        T001: [{ files: { 'one.txt': '1\n' } }],
        T002: [
          {
            files: { 'two.txt': '2\n' },
            sh: `fallocate -l 1g "$(dirname "$PWD")/ballast" || dd if=/dev/zero of="$(dirname "$PWD")/ballast" bs=1M status=none; true`,
          },
        ],
      },
    })
      .feature('001-x', ['- [ ] T001 Write one', '- [ ] T002 Write two'])
      .config()
      .commit()
    if (!mountAt(world.home, 'size=600m')) return
    const result = await world.belay(['run', '--json'])
    expect(result.code, result.stdout + result.stderr).toBe(1)
    expect(errorOf(result).code).toMatch(/^(record_unwritable|disk_full)$/)
    expect(errorOf(result).next).toContain('belay resume')
    expect(world.log().map((commit) => commit.trailers['Belay-Task'])).toEqual([undefined, 'T001'])
    execFileSync('find', [world.home, '-name', 'ballast', '-delete'])
    world.script({ implementer: { T002: [{ files: { 'two.txt': '2\n' } }] } })
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(world.log().map((commit) => commit.trailers['Belay-Task'])).toEqual([undefined, 'T001', 'T002'])
    await expectProven(world)
  })
})

describe('names', () => {
  it.each([
    'with space',
    'line\nbreak',
    'ünïcödé 文 🧗',
    'it\'s "quoted" $(x) `y`',
    'constructor',
    '-dash',
    'back\\slash',
    ':colon',
  ])('a repository in a folder named %j', async (name) => {
    start({ implementer: { '*': [{ files: { 'new.txt': 'new\n' } }] } })
      .files({ 'a.txt': 'a\n' })
      .config('verify:\n  commands: [{run: test -f a.txt, name: there}]\n')
      .commit()
    const folder = join(world.dir, 'odd', name)
    mkdirSync(dirname(folder))
    execFileSync('git', ['clone', '-q', world.repo, folder], { env: world.env })
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: folder, env: world.env, encoding: 'utf8' }).trimEnd()
    const result = await world.belay(['run', 'Write a file'], { cwd: folder })
    expect(result.code, result.stderr).toBe(0)
    expect(readFileSync(join(folder, 'new.txt'), 'utf8')).toBe('new\n')
    expect(git('status', '--porcelain')).toBe('')
    const shown = JSON.parse((await world.belay(['status', '--json'], { cwd: folder })).stdout) as Status
    expect(shown.run).toMatchObject({ status: 'done', landed: true })
    writeFileSync(join(folder, 'a.txt'), 'mine\n')
    world.script({ implementer: { '*': [{ files: { 'two.txt': '2\n' } }] } })
    await world.belay(['run', 'Write another'], { cwd: folder })
    const again = JSON.parse((await world.belay(['status', '--json'], { cwd: folder })).stdout) as Status
    expect(again.run).toMatchObject({ status: 'done', landed: false })
    git('stash', '-q')
    execFileSync('/bin/sh', ['-c', again.run?.finish_command ?? 'false'], {
      cwd: world.dir,
      env: world.env,
      stdio: 'ignore',
    })
    expect(readFileSync(join(folder, 'two.txt'), 'utf8')).toBe('2\n')
  })

  it('an empty HOME makes no state folder in the checkout', async () => {
    ready()
    const { checks } = await world.json<{ checks: { name: string; message: string }[] }>(['doctor'], {
      env: { HOME: '', BELAY_HOME: '' },
    })
    expect(checks.find(({ name }) => name === 'state')?.message).toContain(
      join(userInfo().homedir, '.local', 'state', 'belay'),
    )
    expect(world.git('status', '--porcelain')).toBe('')
  })

  it('a state folder with an odd name', async () => {
    ready()
    const home = join(world.dir, "state 'of' ünï\nlines")
    const result = await world.belay(['run', 'Write a file'], { env: { BELAY_HOME: home } })
    expect(result.code, result.stderr).toBe(0)
    expect(statSync(home).mode & 0o077).toBe(0)
    expect(world.read('new.txt')).toBe('new\n')
  })

  it('features and branches named like things of every object', async () => {
    start({ implementer: { T001: [{ files: { constructor: 'x\n', 'hasOwnProperty/__proto__': 'y\n' } }] } })
    world.feature('constructor', ['- [ ] T001 Write constructor']).files({ toString: 'z\n' }).config().commit()
    world.git('switch', '-qc', '__proto__')
    const result = await world.belay(['run', '--feature', 'constructor'])
    expect(result.code, result.stderr).toBe(0)
    expect(world.read('constructor')).toBe('x\n')
    expect((await status(world)).run).toMatchObject({ target: '__proto__', landed: true })
  })
})

describe('a run that is held', () => {
  it('names its holder, and stores nothing', async () => {
    start({ implementer: { '*': [{ lines: [{ type: 'message', text: 'at work' }], hang: true }] } })
      .files({ 'a.txt': 'a\n' })
      .config()
      .commit()
    const first = world.start(['run', 'Hang on', '--json'])
    const working = new Promise<void>((resolve) =>
      first.stdout?.on('data', (chunk: Buffer) => chunk.toString().includes('at work') && resolve()),
    )
    const ended = new Promise((resolve) => first.on('close', resolve))
    await working
    const second = await world.belay(['run', 'Write a file', '--json'])
    expect(second.code).toBe(2)
    expect(errorOf(second)).toMatchObject({ code: 'held', next: expect.any(String) })
    expect(`${errorOf(second).message} ${errorOf(second).received}`).toContain(String(first.pid))
    first.kill('SIGINT')
    expect(await ended).toBe(130)
    expect((await status(world)).tasks).toMatchObject([{ status: 'queued', handle: 'prompt' }])
  })
})

describe('output that nobody reads', () => {
  it('a stdout that cannot be written fails the command, and ends no run', async () => {
    ready()
    const child = world.startCommand([
      '/bin/bash',
      '-c',
      `"$0" "$1" run 'Write a file' --json > /dev/full`,
      process.execPath,
      fileURLToPath(new URL('../support/built.cjs', import.meta.url)),
    ])
    const result = await collect(child)
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('[stdout_failed]')
    expect(result.stderr).not.toContain('    at ')
    expect(world.read('new.txt')).toBe('new\n')
  })

  it('a closed stdout is no crash', async () => {
    ready()
    const child = world.start(['run', 'Write a file', '--json'])
    child.stdout?.destroy()
    const code = await new Promise((resolve) => child.on('exit', resolve))
    expect(code).toBe(0)
    expect(world.read('new.txt')).toBe('new\n')
  })
})

/** Mounts a small file system at `path`; false where that is not allowed. */
function mountAt(path: string, options: string): boolean {
  mkdirSync(path, { recursive: true })
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { encoding: 'utf8' })
  if (made.status === 0) mounts.push(path)
  else
    process.stderr.write(`skipped: no file system can be mounted here (${made.error?.message ?? made.stderr.trim()})\n`)
  return made.status === 0
}
