import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { World, type Turn } from '../support/world.ts'
import { events, expectProven, status, userState } from './support.ts'
import { world, start, turn, run } from './shapes-world.ts'

describe('what git keeps of files', () => {
  it('modes, links and odd names arrive as they are', async () => {
    const odd = [
      'with space.txt',
      'line\nbreak.txt',
      'tab\t.txt',
      'quote".txt',
      "it's.txt",
      'back\\slash.txt',
      'ünïcödé 文.txt',
      '-dash.txt',
      ':colon.txt',
      '*.txt',
      'constructor',
      '__proto__',
      'emoji 🧗/deep/x',
    ]
    const write = odd
      .map((name) => `mkdir -p "$(dirname -- ${quote(name)})" && printf x > ${quote(`./${name}`)}`)
      .join('\n')
    start(
      turn({
        sh: `${write}\nprintf '#!/bin/sh\\n' > tool && chmod 755 tool && chmod 644 was-tool && ln -s tool link && ln -s /nowhere/at/all dangling && ln -sfn tool was-file && rm was-link && echo file > was-link`,
      }),
    )
      .files({ 'was-tool': '#!/bin/sh\n', 'was-file': 'x\n' })
      .config('verify:\n  commands: [{run: "test ! -e tool || test -x tool", name: mode}]\n')
    chmodSync(join(world.repo, 'was-tool'), 0o755)
    symlinkSync('was-file', join(world.repo, 'was-link'))
    world.commit()
    await run(['Write odd files'])
    expect((await status(world)).run?.landed).toBe(true)
    for (const name of odd) expect(world.read(name), name).toBe('x')
    expect(statSync(join(world.repo, 'tool')).mode & 0o111).not.toBe(0)
    expect(statSync(join(world.repo, 'was-tool')).mode & 0o111).toBe(0)
    expect(readlinkSync(join(world.repo, 'link'))).toBe('tool')
    expect(readlinkSync(join(world.repo, 'dangling'))).toBe('/nowhere/at/all')
    expect(readlinkSync(join(world.repo, 'was-file'))).toBe('tool')
    expect(lstatSync(join(world.repo, 'was-link')).isFile()).toBe(true)
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it('line ends are those of .gitattributes, and of tasks.md', async () => {
    start({
      implementer: { T001: [{ files: { 'win.bat': 'echo two\r\n', 'unix.sh': 'echo two\n', 'auto.txt': 'two\r\n' } }] },
    })
      .files({
        '.gitattributes': '*.bat text eol=crlf\n*.sh text eol=lf\n*.txt text=auto\nspecs/** -text\n',
        'win.bat': 'echo one\r\n',
        'unix.sh': 'echo one\n',
        'auto.txt': 'one\n',
      })
      .feature('001-x', ['- [ ] T001 Write it', '- [x] T002 Done'])
      .config('verify:\n  commands: [{run: "grep -c \\"$(printf \'\\\\r\')\\" win.bat", name: crlf}]\n')
    const tasks = join(world.repo, 'specs/001-x/tasks.md')
    writeFileSync(tasks, readFileSync(tasks, 'utf8').replaceAll('\n', '\r\n'))
    world.commit()
    await run()
    expect(world.read('win.bat')).toBe('echo two\r\n')
    expect(world.read('specs/001-x/tasks.md')).toMatch(/- \[[xX]\] T001 Write it\r\n/)
    expect(world.read('specs/001-x/tasks.md').replaceAll('\r\n', '')).not.toContain('\n')
    expect(world.git('cat-file', 'blob', 'HEAD:win.bat')).toBe('echo two')
    expect(world.git('cat-file', 'blob', 'HEAD:auto.txt')).toBe('two')
    expect(world.git('diff', '--stat', 'HEAD~1', '--', 'specs')).toContain('1 insertion(+), 1 deletion(-)')
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it('core.autocrlf', async () => {
    start(turn({ files: { 'a.txt': 'two\r\nlines\r\n' } })).files({ 'a.txt': 'one\r\n', 'b.txt': 'b\r\n' })
    world.git('config', 'core.autocrlf', 'true')
    world.config('verify:\n  commands: [{run: "grep -c \\"$(printf \'\\\\r\')\\" b.txt", name: crlf}]\n').commit()
    await run(['Write two lines'])
    expect(world.git('diff', '--stat', 'HEAD~1')).toContain('1 file changed, 2 insertions(+), 1 deletion(-)')
    expect(world.git('cat-file', '-s', 'HEAD:a.txt')).toBe('10')
    expect(world.read('a.txt')).toBe('two\r\nlines\r\n')
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it('core.safecrlf, where it would refuse what the agent wrote', async () => {
    start(turn({ files: { 'a.txt': 'two\nlines\n' } }))
    world.git('config', 'core.autocrlf', 'true')
    world.git('config', 'core.safecrlf', 'true')
    world.config().files({ 'belay.yaml': world.read('belay.yaml').replaceAll('\n', '\r\n') })
    world.git('-c', 'core.safecrlf=false', 'add', '-A')
    world.git('commit', '-qm', 'work')
    await run(['Write two lines'])
    expect(world.git('cat-file', '-s', 'HEAD:a.txt')).toBe('10')
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it('names that differ in case only, whatever core.ignorecase says', async () => {
    start({
      implementer: {
        T001: [{ sh: 'mkdir docs && echo new > docs/b && echo twin > readme.md' }],
        T002: [{ sh: 'mv main.c Main.c && echo more >> readme.md && test ! -e byproduct.txt' }],
      },
    })
      .files({ 'README.md': 'one\n', 'main.c': 'int x;\n', 'Docs/a': 'a\n' })
      .feature('001-x', ['- [ ] T001 Write twins', '- [ ] T002 Rename one'])
      .config('verify:\n  commands: [{run: "test -f README.md && echo > MAIN.C", name: there}]\n')
      .commit()
    world.git('config', 'core.ignorecase', 'true')
    await run()
    expect((await status(world)).run?.landed).toBe(true)
    expect(world.git('ls-tree', '-r', '--name-only', 'HEAD').split('\n')).toEqual([
      'Docs/a',
      'Main.c',
      'README.md',
      'belay.yaml',
      'docs/b',
      'readme.md',
      'specs/001-x/plan.md',
      'specs/001-x/spec.md',
      'specs/001-x/tasks.md',
    ])
    expect(world.read('readme.md')).toBe('twin\nmore\n')
    expect(world.read('README.md')).toBe('one\n')
    expect(world.read('docs/b')).toBe('new\n')
    expect(world.has('main.c')).toBe(false)
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it('a sparse checkout stays sparse, and what is not there is not deleted', async () => {
    start(turn({ files: { 'app/new.txt': 'new\n', 'lib/too.txt': 'too\n' } }))
      .files({ 'app/a.txt': 'a\n', 'lib/b.txt': 'b\n' })
      .config()
      .commit()
    world.git('sparse-checkout', 'set', 'app')
    expect(world.has('lib/b.txt')).toBe(false)
    await run(['Write two files'])
    expect((await status(world)).run?.landed).toBe(true)
    expect(world.git('ls-tree', '-r', '--name-only', 'HEAD')).toBe(
      'app/a.txt\napp/new.txt\nbelay.yaml\nlib/b.txt\nlib/too.txt',
    )
    expect(world.read('app/new.txt')).toBe('new\n')
    expect(world.has('lib')).toBe(false)
    expect(world.git('status', '--porcelain')).toBe('')
    expect(world.git('sparse-checkout', 'list')).toBe('app')
    await expectProven(world)
  })

  it('a repository of SHA-256', async () => {
    start({
      implementer: {
        T001: [{ files: { 'a/b.txt': 'b\n' } }],
        T002: [{ files: { 'a/b.txt': null, 'specs/001-x/tasks.md': 'mine now\n' }, sh: 'echo c > c.txt' }],
      },
    })
    rmSync(join(world.repo, '.git'), { recursive: true })
    world.git('init', '-q', '-b', 'main', '--object-format=sha256')
    world
      .feature('001-x', ['- [ ] T001 Write b', '- [ ] T002 Remove b'])
      .config('verify:\n  commands: [{run: test -f belay.yaml, name: see}]\n')
      .commit()
    await run()
    expect((await status(world)).run?.landed).toBe(true)
    expect(world.log().map((commit) => commit.tree.length)).toEqual([64, 64, 64])
    expect(world.read('specs/001-x/tasks.md').match(/\[[xX]\]/g)).toHaveLength(2)
    expect(world.has('c.txt')).toBe(true)
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })
})

describe('settings of the user', () => {
  it.each([
    ['a global configuration elsewhere', (file: string) => ({ GIT_CONFIG_GLOBAL: file })],
    [
      'the environment',
      () => ({
        GIT_CONFIG_COUNT: '2',
        GIT_CONFIG_KEY_0: 'user.name',
        GIT_CONFIG_VALUE_0: 'Ada',
        GIT_CONFIG_KEY_1: 'user.email',
        GIT_CONFIG_VALUE_1: 'ada@example.com',
      }),
    ],
  ])('name and address come from %s', async (_from, env) => {
    start(turn({ files: { 'a.txt': 'a\n' } }))
      .config()
      .commit()
    const file = join(world.dir, 'gitconfig')
    writeFileSync(file, '[user]\n\tname = Ada\n\temail = ada@example.com\n')
    for (const name of Object.keys(world.env)) if (/^GIT_(AUTHOR|COMMITTER)/.test(name)) delete world.env[name]
    const result = await world.belay(['run', 'Write a file'], { env: env(file) })
    expect(result.code, result.stderr).toBe(0)
    expect(world.git('log', '-1', '--format=%an <%ae> %cn <%ce>')).toBe('Ada <ada@example.com> Ada <ada@example.com>')
  })

  it('hooks are not run', async () => {
    start(turn({ files: { 'new.txt': 'new\n' } }))
      .files({ a: '1\n' })
      .config('verify:\n  commands: [{run: test -f a, name: a}]\n')
      .commit()
    const marker = join(world.dir, 'hook-ran')
    for (const hook of [
      'pre-commit',
      'prepare-commit-msg',
      'commit-msg',
      'post-commit',
      'post-checkout',
      'post-merge',
      'reference-transaction',
      'post-index-change',
      'pre-push',
      'pre-auto-gc',
      'fsmonitor-watchman',
    ]) {
      const file = join(world.repo, '.git', 'hooks', hook)
      writeFileSync(file, `#!/bin/sh\necho ${hook} >> '${marker}'\n`)
      chmodSync(file, 0o755)
    }
    world.git('config', 'core.fsmonitor', join(world.repo, '.git', 'hooks', 'fsmonitor-watchman'))
    rmSync(marker, { force: true })
    const result = await world.belay(['run', 'Write a file'])
    expect(existsSync(marker) ? readFileSync(marker, 'utf8') : '').toBe('')
    expect(result.code, result.stderr).toBe(0)
    expect((await status(world)).run?.landed).toBe(true)
    expect(existsSync(marker) ? readFileSync(marker, 'utf8') : '').toBe('')
  })

  function signing(passphrase: string): string {
    const key = join(world.dir, 'user', 'key')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', key])
    writeFileSync(join(world.dir, 'user', 'allowed'), `user@example.com ${readFileSync(`${key}.pub`, 'utf8')}`)
    world.git('config', 'gpg.format', 'ssh')
    world.git('config', 'user.signingkey', key)
    world.git('config', 'gpg.ssh.allowedSignersFile', join(world.dir, 'user', 'allowed'))
    return key
  }

  it('commits are signed when that works without a prompt', async () => {
    start({ implementer: { T001: [{ files: { a: '1' } }], T002: [{ files: { b: '1' } }] } })
      .feature('001-x', ['- [ ] T001 Write a', '- [ ] T002 Write b'])
      .config()
      .commit()
    signing('')
    world.git('config', 'commit.gpgsign', 'true')
    await run()
    expect(world.git('log', '-2', '--format=%G? %GS %an <%ae>')).toBe(
      'G user@example.com Test User <user@example.com>\nG user@example.com Test User <user@example.com>',
    )
    expect((await status(world)).run?.landed).toBe(true)
  })

  it('a key that asks is refused, with a way out that works', async () => {
    start(turn({ files: { 'new.txt': 'new\n' } }))
      .files({ a: '1\n' })
      .config()
      .commit()
    signing('a secret')
    world.git('config', 'commit.gpgsign', 'true')
    const before = userState(world)
    const refused = await world.belay(['run', 'Write a file', '--json'])
    expect(refused.code).toBe(2)
    const { error } = JSON.parse(refused.stdout.trimEnd().split('\n').at(-1) ?? '') as {
      error: { code: string; next: string }
    }
    expect(error.code).toBe('signing_failed')
    expect(error.next).toContain('git.sign: off')
    expect(world.requests()).toEqual([])
    expect(userState(world)).toEqual(before)
    await run(['Write a file', '--set', 'git.sign=off'])
    expect(world.git('log', '-1', '--format=%G?')).toBe('N')
  })
})

describe('submodules', () => {
  /** A repository with a submodule whose origin is gone, so that it can come from the user's copy only. */
  function withSubmodule(agent: Turn): World {
    const library = join(start(turn(agent)).dir, 'library')
    const file = ['-c', 'protocol.file.allow=always']
    world.git('init', '-q', '-b', 'main', library)
    writeFileSync(join(library, 'lib.txt'), 'one\n')
    world.git('-C', library, 'add', '-A')
    world.git('-C', library, 'commit', '-qm', 'library')
    world.git(...file, 'submodule', '--quiet', 'add', library, 'vendor/lib')
    world
      .files({ 'a.txt': 'a\n' })
      .config('task: {max_iterations: 1}\nverify:\n  commands: [{run: grep -q one vendor/lib/lib.txt, name: lib}]\n')
      .commit()
    rmSync(library, { recursive: true })
    return world
  }

  it("come from the user's copies, and stay as they are", async () => {
    withSubmodule({ sh: 'cat vendor/lib/lib.txt > copy.txt' })
    const modules = world.git('-C', 'vendor/lib', 'rev-parse', 'HEAD')
    await run(['Copy a line'])
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: true })
    expect(world.read('copy.txt')).toBe('one\n')
    expect(world.git('diff', '--name-only', 'HEAD~1')).toBe('copy.txt')
    expect(world.git('-C', 'vendor/lib', 'rev-parse', 'HEAD')).toBe(modules)
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it.each<[string, string]>([
    ['moves a pointer', 'cd vendor/lib && echo two > lib.txt && git -c user.name=x -c user.email=x@x commit -qam two'],
    ['leaves changes in one', 'echo two > vendor/lib/lib.txt'],
  ])('block a task that %s', async (_name, sh) => {
    withSubmodule({ sh: `echo new > new.txt && ${sh}` })
    const before = userState(world)
    await run(['Change the library'], { code: 3 })
    expect((await status(world)).tasks).toMatchObject([{ status: 'blocked', reason: { code: 'submodule_changed' } }])
    expect(userState(world)).toEqual(before)
  })
})

describe('a repository that lies apart from its checkout', () => {
  it('a submodule that the user works in', async () => {
    start(turn({ files: { 'a.txt': 'a\n' } }))
      .config()
      .commit()
    const outer = join(world.dir, 'outer')
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { cwd: outer, env: world.env, encoding: 'utf8' })
    mkdirSync(outer)
    git('init', '-q', '-b', 'main')
    git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', world.repo, 'inner')
    git('commit', '-qm', 'inner')
    const inner = join(outer, 'inner')
    await run(['Write a file'], { cwd: inner })
    expect(readFileSync(join(inner, 'a.txt'), 'utf8')).toBe('a\n')
    expect(git('-C', 'inner', 'status', '--porcelain', '--branch')).toBe('## main...origin/main [ahead 1]\n')
    expect(git('status', '--porcelain')).toBe(' M inner\n')
  })

  it('--separate-git-dir, also from a linked worktree', async () => {
    start(turn({ files: { 'a.txt': 'a\n' } }))
      .config()
      .commit()
    world.git('init', '-q', '--separate-git-dir', join(world.dir, 'apart'))
    await run(['Write a file'])
    expect(world.read('a.txt')).toBe('a\n')
    expect(world.git('status', '--porcelain')).toBe('')
    // Git keeps no note of where that checkout is: nothing is moved under it.
    world.git('worktree', 'add', '-q', '-b', 'side', join(world.dir, 'side'))
    world.script(turn({ files: { 'b.txt': 'b\n' } }))
    await run(['Write another', '--into', 'main'], { cwd: join(world.dir, 'side') })
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: false })
    expect(world.git('status', '--porcelain')).toBe('')
  })
})

describe('20,000 files', () => {
  it('are checked out a bounded number of times', async () => {
    start({ implementer: { '*': [{ sh: 'echo "$BELAY_TASK" > "done-$(basename "$BELAY_TASK")"' }] } })
    for (let folder = 0; folder < 100; folder++) {
      const path = join(world.repo, 'src', String(folder))
      mkdirSync(path, { recursive: true })
      for (let file = 0; file < 200; file++) writeFileSync(join(path, `${file}.txt`), `${folder} ${file}\n`)
    }
    const tasks = [1, 2, 3, 4, 5].map((n) => `- [ ] T00${n} [P] Write ${n}`)
    world
      .feature('001-big', tasks)
      .config('concurrency: 2\nverify:\n  commands: [{run: test -f src/99/199.txt, name: there}]\n')
      .commit()
    await run()
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: true })
    expect(world.log()).toHaveLength(6)
    // Work, proof and review for each of two tasks at a time, however many tasks there are.
    const made = new Set(
      (await events(world)).filter((event) => event.type === 'workspace.made').map((event) => event.data['path']),
    )
    expect(made.size).toBeLessThanOrEqual(6)
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  }, 600_000)
})

function quote(text: string): string {
  return `$'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\t', '\\t')}'`
}
