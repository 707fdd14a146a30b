import { execFileSync, spawnSync } from 'node:child_process'
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
import { afterEach, describe, expect, it } from 'vitest'
import { World, type Result, type Scenario, type Turn } from '../support/world.ts'
import { checkout, events, expectProven, prompts, status, userState, verified } from './support.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario): World {
  world = new World(scenario)
  return world
}

function turn(does: Turn): Scenario {
  return { implementer: { '*': [does] } }
}

async function run(
  args: readonly string[] = [],
  options: { readonly cwd?: string; readonly code?: number } = {},
): Promise<Result> {
  const result = await world.belay(['run', ...args], options.cwd === undefined ? {} : { cwd: options.cwd })
  expect(result.code, result.stdout + result.stderr).toBe(options.code ?? 0)
  return result
}

/** The command that the user was given to finish with. */
async function finish(): Promise<string> {
  const { run: shown } = await status(world)
  expect(shown).toMatchObject({ status: 'done', landed: false })
  return shown?.finish_command ?? ''
}

function shell(command: string): string {
  return execFileSync('/bin/bash', ['-c', command], { cwd: world.dir, env: world.env, encoding: 'utf8' })
}

describe('JavaScript with dependencies', () => {
  const TEST = `import test from 'node:test'
import assert from 'node:assert'
import greet from 'greet'
test('greets', () => assert.match(greet('you'), /^(hello|good day) you$/))
`
  const npm = (folder: string): void => {
    execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent'], {
      cwd: folder,
      env: world.env,
    })
  }

  function project(workspace: string, agent: Turn): World {
    start(turn(agent)).files({
      'package.json': JSON.stringify({
        name: 'app',
        version: '1.0.0',
        type: 'module',
        dependencies: { greet: 'file:vendor/greet' },
        scripts: { test: 'node --test' },
      }),
      'vendor/greet/package.json': JSON.stringify({
        name: 'greet',
        version: '1.0.0',
        type: 'module',
        main: 'index.js',
      }),
      'vendor/greet/index.js': "export default (name) => 'hello ' + name\n",
      'test/greet.test.js': TEST,
      '.gitignore': 'node_modules/\n',
    })
    npm(world.repo)
    return world.config(`workspace: ${workspace}\nverify:\n  commands: [npm test]\n`).commit()
  }

  it('are installed by npm ci, again when the lockfile changes, and never committed', async () => {
    const add = `mkdir -p vendor/loud && echo '{"name":"loud","version":"1.0.0","type":"module","main":"index.js"}' > vendor/loud/package.json
echo 'export default (text) => text.toUpperCase()' > vendor/loud/index.js
npm install --offline --no-audit --no-fund --silent file:vendor/loud
echo "import test from 'node:test'; import loud from 'loud'; test('loud', () => { if (loud('a') !== 'A') throw new Error('quiet') })" > test/loud.test.js`
    project('{setup: ["npm ci --offline --no-audit --no-fund"]}', { sh: add })
    await run(['Add a loud voice'])
    expect(await verified(world, 'prompt')).toMatchObject([{ result: 'pass', counts: { total: 2, passed: 2 } }])
    expect(world.git('diff', '--name-only', 'HEAD~1')).toBe(
      'package-lock.json\npackage.json\ntest/loud.test.js\nvendor/loud/index.js\nvendor/loud/package.json',
    )
    await expectProven(world)
    const where = (await events(world))
      .filter((event) => event.type === 'setup.finished')
      .map((event) => event.data['workspace'])
    // On the base for work and proof, and again where the new lockfile is checked out.
    expect(where).toEqual(['work', 'proof', 'proof', 'review'])
  })

  it('are copied from the checkout, never linked', async () => {
    project('{copy: [node_modules]}', {
      sh: 'test -e node_modules/greet/index.js && rm -rf node_modules && mkdir node_modules && echo new > new.txt',
    })
    writeFileSync(join(world.repo, 'node_modules', 'marker'), 'mine\n')
    const before = checkout(world, (path) => path === '.git')
    await run(['Write a file'])
    expect(checkout(world)).toEqual({ ...before, 'new.txt': '644 new\n' })
    expect(await verified(world, 'prompt')).toMatchObject([{ result: 'pass', counts: { passed: 1 } }])
    await expectProven(world)
  })
})

describe('Python with a virtual environment', () => {
  const probe = spawnSync('python3', ['-m', 'venv', '--help'], { encoding: 'utf8' })
  const there = probe.status === 0
  if (!there) process.stderr.write(`skipped: python3 has no venv module (${probe.error?.message ?? probe.stderr})\n`)

  it.skipIf(!there && !process.env['CI'])('is set up in every workspace and proves with its own packages', async () => {
    const setup = `python3 -m venv --without-pip .venv && echo "$PWD/vendor" > "$(echo .venv/lib/python*/site-packages)/vendor.pth"`
    start(
      turn({
        files: {
          'test_sum.py':
            'import unittest\nimport calc\n\nclass T(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(calc.add(1, 2), 3)\n    def test_zero(self):\n        self.assertEqual(calc.add(1, 0), 1)\n',
        },
      }),
    )
      .files({
        'vendor/calc.py': 'def add(a, b):\n    return a + b\n',
        'test_sum.py':
          'import unittest\nimport calc\n\nclass T(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(calc.add(1, 2), 3)\n',
        '.gitignore': '.venv/\n__pycache__/\n',
      })
      .config(
        `workspace:\n  setup: [${JSON.stringify(setup)}]\nverify:\n  commands: [{run: .venv/bin/python -m unittest, name: unit}]\n`,
      )
      .commit()
    await run(['Test adding zero'])
    expect(await verified(world, 'prompt')).toMatchObject([{ result: 'pass', counts: { total: 2, passed: 2 } }])
    expect(existsSync(join(world.repo, '.venv'))).toBe(false)
    await expectProven(world)
  })
})

describe('a new, empty project', () => {
  it('is created by its first task, and proven from then on', async () => {
    const files = {
      'package.json': JSON.stringify({
        name: 'new',
        version: '1.0.0',
        type: 'module',
        scripts: { test: 'node --test' },
      }),
      'index.js': 'export const one = 1\n',
      'test/one.test.js':
        "import test from 'node:test'\nimport { one } from '../index.js'\ntest('one', () => { if (one !== 1) throw new Error('no') })\n",
    }
    start({
      implementer: {
        T001: [{ files }],
        T002: [
          { files: { 'index.js': 'export const one = 2\n' } },
          { files: { 'index.js': 'export const one = 1 // still\n' } },
        ],
      },
    })
      .files({ 'README.md': '# New\n' })
      .feature('001-begin', ['- [ ] T001 Begin', '- [ ] T002 Go on'])
      .config('verify:\n  commands: [npm test]\n')
      .commit()
    await run()
    expect(
      world
        .log()
        .slice(1)
        .map((commit) => commit.trailers['Belay-Gates']),
    ).toEqual(['npm test=pass', 'npm test=pass'])
    expect((await verified(world, 'T002')).map((one) => one.result)).toEqual(['fail', 'pass'])
    await expectProven(world)
  })

  it('needs a first commit, and is told how to make it', async () => {
    start({}).files({ 'README.md': '# New\n' })
    const failure = await world.json<{ error: { code: string; next: string } }>(['run', 'Begin a project'])
    expect(failure.error.code).toBe('unborn_head')
    shell(`cd repo && ${failure.error.next}`)
    world.config('verify: {commands: []}\n')
    expect((await world.belay(['run', 'Begin a project', '--dry-run'])).code).toBe(0)
  })
})

describe('tests first', () => {
  const test = (name: string, module: string): string =>
    `import test from 'node:test'\nimport { ${name} } from '../src/${module}'\ntest('${name}', () => { if (${name}() !== '${name}') throw new Error('not yet') })\n`
  const base = { 'src/a.mjs': "export const a = () => 'a'\n", 'test/a.test.mjs': test('a', 'a.mjs') }
  const red = {
    files: { 'test/b.test.mjs': test('b', 'b.mjs') },
    answer: { notes: ['red_expected: src/b.mjs comes with the next task'] },
  }
  const gates = 'verify:\n  commands: [{run: node --test, name: unit}]\n'

  it('land red when implementer and reviewer mean it, and are green in the end', async () => {
    start({ implementer: { T001: [red], T002: [{ files: { 'src/b.mjs': "export const b = () => 'b'\n" } }] } })
      .files(base)
      .feature('001-b', ['- [ ] T001 Test b', '- [ ] T002 Write b'])
      .config(gates)
      .commit()
    await run()
    expect(
      world
        .log()
        .slice(1)
        .map((commit) => commit.trailers['Belay-Gates']),
    ).toEqual(['unit=red_expected', 'unit=pass'])
    expect(prompts(world, 'reviewer')[0]).toContain('test/b.test.mjs')
    expect((await status(world)).run?.status).toBe('done')
    await expectProven(world)
  })

  it('leave the run undone while one is red', async () => {
    start({ implementer: { T001: [red], T002: [{ files: { 'notes.md': 'x\n' } }] } })
      .files(base)
      .feature('001-b', ['- [ ] T001 Test b', '- [ ] T002 Write notes'])
      .config(gates)
      .commit()
    const result = await world.belay(['run'])
    const now = await status(world)
    expect(now.tasks.map((task) => task.status)).toEqual(['done', 'done'])
    expect(now.run).toMatchObject({ status: 'blocked', reason: { code: 'red_expected' } })
    expect(now.run?.reason?.message).toContain('test/b.test.mjs')
    expect(result.code).toBe(3)
    expect(result.stderr).toContain('test/b.test.mjs')
  })

  it('are refused when nobody said so', async () => {
    start({ implementer: { '*': [{ ...red, answer: {} }] } })
      .files(base)
      .config(`task: {max_iterations: 1}\n${gates}`)
      .commit()
    const before = userState(world)
    await run(['Test b'], { code: 3 })
    expect(userState(world)).toEqual(before)
  })
})

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
  }, 120_000)
})

function quote(text: string): string {
  return `$'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\t', '\\t')}'`
}
