import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { World, type Turn } from '../support/world.ts'
import { checkout, events, expectProven, prompts, status, userState, verified } from './support.ts'
import { world, start, turn, run, shell } from './shapes-world.ts'

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
