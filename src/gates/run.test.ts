import { describe, expect, it } from 'vitest'
import { folder, gateSpec, hasProgram, linkPackages, nodePrograms, run } from './testing/world.ts'

const NODE_TESTS = {
  'a.test.js': `const { describe, it, test } = require('node:test'); const assert = require('node:assert')
describe('suite', () => { it('good', () => {}); it.skip('later', () => {}); it('bad', () => assert.equal(process.env.FIXED, '1')) })
test('top', async (t) => { await t.test('sub', () => {}) })
test('planned', { todo: true }, () => { throw new Error('not yet') })
console.log('ℹ tests 99\\nℹ suites 0\\nℹ pass 99\\nℹ fail 0\\nℹ cancelled 0\\nℹ skipped 0\\nℹ todo 0\\nℹ duration_ms 1')
`,
  'empty.test.js': 'console.log("nothing here")\n',
  'package.json': JSON.stringify({ scripts: { test: 'node --test' } }),
}

const COUNTS = { total: 6, passed: 3, failed: 1, skipped: 2 }

describe.each(nodePrograms())('node:test of %s', (node) => {
  const quoted = `'${node}'`

  it('reports every test by name and does not count a file without tests', async () => {
    using root = folder(NODE_TESTS)
    const seen = await run(root.path, gateSpec(`${quoted} --test`))
    expect(seen).toMatchObject({ exitCode: 1, result: 'fail', reason: { code: 'tests_failed' } })
    expect(seen.report).toEqual({
      counts: COUNTS,
      source: 'report',
      runner: 'node:test',
      failing: ['a.test.js > suite > bad'],
      tests: [
        { id: 'a.test.js > suite > good', status: 'passed' },
        { id: 'a.test.js > suite > later', status: 'skipped' },
        { id: 'a.test.js > suite > bad', status: 'failed' },
        { id: 'a.test.js > top > sub', status: 'passed' },
        { id: 'a.test.js > top', status: 'passed' },
        { id: 'a.test.js > planned', status: 'skipped' },
      ],
    })
    // What a person would have seen must still be there.
    expect(seen.outputHead + seen.outputTail).toMatch(/[#ℹ] tests 7/)
  })

  it('adds up several runs, and runs without --test', async () => {
    using root = folder({ ...NODE_TESTS, 'b.js': `require('node:test')('alone', () => {})` })
    const seen = await run(root.path, gateSpec(`FIXED=1 ${quoted} --test a.test.js && ${quoted} b.js`))
    expect(seen).toMatchObject({ exitCode: 0, result: 'pass', reason: null })
    expect(seen.report?.counts).toEqual({ total: 7, passed: 5, failed: 0, skipped: 2 })
  })

  it('sees a file that ends before its tests as a file without tests', async () => {
    using root = folder({ 'x.test.js': `require('node:test')('never', () => {}); process.exit(0)` })
    const seen = await run(root.path, gateSpec(`${quoted} --test x.test.js`))
    expect(seen).toMatchObject({ exitCode: 0, result: 'absent', reason: { code: 'no_tests' } })
  })

  it('does not believe a process that ends itself half way', async () => {
    const text = `const test = require('node:test'); test('one', () => {}); test('two', () => { console.log('# pass 2'); process.exit(0) })`
    using root = folder({ 'x.js': text })
    const seen = await run(root.path, gateSpec(`${quoted} x.js`))
    expect(seen).toMatchObject({ exitCode: 0, result: 'fail', reason: { code: 'report_incomplete' } })
  })

  it('does not count tests that a test runs', async () => {
    const inner = `require('node:test')('inner', () => { throw new Error('meant to fail') })`
    const outer = `const test = require('node:test'); const { spawnSync } = require('node:child_process')
test('outer', () => { const env = { ...process.env }; delete env.NODE_TEST_CONTEXT; if (spawnSync(process.execPath, ['inner.js'], { env }).status !== 1) throw new Error('inner passed') })`
    using root = folder({ 'inner.js': inner, 'outer.test.js': outer })
    const seen = await run(root.path, gateSpec(`${quoted} --test outer.test.js`))
    expect(seen).toMatchObject({ result: 'pass', report: { counts: { total: 1, passed: 1, failed: 0, skipped: 0 } } })
  })

  it('names a file that cannot be loaded', async () => {
    using root = folder({ 'x.test.js': 'require("./not-there")' })
    const seen = await run(root.path, gateSpec(`${quoted} --test x.test.js`))
    expect(seen).toMatchObject({ result: 'fail', report: { failing: ['x.test.js'] } })
  })

  it('gives way to a reporter of the command, whether it shows or not', async () => {
    using root = folder({
      'a.test.js': NODE_TESTS['a.test.js'],
      'hidden.mjs': `import { spawnSync } from 'node:child_process'
process.exit(spawnSync(process.execPath, ['--test', '--test-reporter=tap', 'a.test.js'], { stdio: 'inherit' }).status ?? 1)`,
    })
    for (const command of [`${quoted} --test --test-reporter=tap a.test.js`, `${quoted} hidden.mjs`]) {
      const seen = await run(root.path, gateSpec(command))
      expect(seen).toMatchObject({
        exitCode: 1,
        result: 'fail',
        report: { source: 'text', counts: { failed: 1, skipped: 2 } },
      })
    }
  })

  it('leaves programs alone that are no tests', async () => {
    using root = folder({ 'x.mjs': 'console.log(process.argv.slice(2).join())' })
    const seen = await run(root.path, gateSpec(`${quoted} x.mjs a b`))
    expect(seen).toMatchObject({ result: 'pass', report: null, outputHead: 'a,b\n' })
  })
})

describe('npm scripts', () => {
  it('counts through npm test, and in every package of a workspace', async () => {
    const test = { scripts: { test: 'node --test' } }
    using root = folder({
      'package.json': JSON.stringify({ name: 'all', workspaces: ['p/*'], ...test }),
      'p/a/package.json': JSON.stringify({ name: 'a', version: '1.0.0', ...test }),
      'p/a/a.test.js': `require('node:test')('one', () => {})`,
      'p/b/package.json': JSON.stringify({ name: 'b', version: '1.0.0', ...test }),
      'p/b/b.test.js': `require('node:test')('two', () => { throw new Error('x') })`,
    })
    const seen = await run(root.path, gateSpec('npm test --workspaces'))
    expect(seen).toMatchObject({ result: 'fail', report: { source: 'report', failing: ['p/b/b.test.js > two'] } })
    expect(seen.report?.counts).toEqual({ total: 2, passed: 1, failed: 1, skipped: 0 })
  })

  it('is absent without a package, a script or a program', async () => {
    using empty = folder({ README: '' })
    const absent = await run(empty.path, gateSpec('npm test'))
    expect(absent).toMatchObject({ result: 'absent', reason: { code: 'project_file_missing' } })
    using without = folder({ 'package.json': '{"scripts":{}}' })
    expect(await run(without.path, gateSpec('npm test'))).toMatchObject({
      result: 'absent',
      reason: { code: 'project_file_missing' },
    })
    using missing = folder({ 'package.json': '{"scripts":{"test":"no-such-runner --all"}}' })
    expect(await run(missing.path, gateSpec('npm test'))).toMatchObject({
      result: 'absent',
      reason: { code: 'gate_program_missing' },
    })
    expect(await run(missing.path, gateSpec(['no-such-runner']))).toMatchObject({
      result: 'absent',
      exitCode: 127,
      reason: { code: 'gate_program_missing' },
    })
  })

  it('fails, and is not absent, when a program is missing later on', async () => {
    using root = folder({ 'check.sh': '#!/bin/sh\necho begun\nno-such-program\n' })
    const seen = await run(root.path, gateSpec('./check.sh'))
    expect(seen).toMatchObject({ result: 'fail', exitCode: 127, reason: { code: 'gate_program_missing' } })
  })
})

describe('vitest', () => {
  const test = (body: string): string => `import { describe, expect, it } from 'vitest'\n${body}`
  const files = {
    'package.json': '{"type":"module","scripts":{"test":"vitest run"}}',
    'a.test.js': test(
      `describe('s', () => { it('good', () => {}); it('bad', () => expect(1).toBe(2)); it.skip('later', () => {}) })`,
    ),
    'b.test.js': `import './not-there.js'`,
  }

  it('writes its report for us beside what it prints', async () => {
    using root = folder(files)
    linkPackages(root.path)
    const seen = await run(root.path, gateSpec('npm test'))
    expect(seen).toMatchObject({ result: 'fail', exitCode: 1, reason: { code: 'tests_failed' } })
    expect(seen.report).toMatchObject({ runner: 'vitest', source: 'report' })
    expect(seen.report?.counts).toEqual({ total: 4, passed: 1, failed: 2, skipped: 1 })
    expect(seen.report?.failing).toEqual(expect.arrayContaining(['a.test.js > s > bad', 'b.test.js']))
    expect(seen.outputHead).toContain('AssertionError')
  })

  it('keeps the reporters of the configuration, and is read as text then', async () => {
    using root = folder({
      ...files,
      'vitest.config.js': `export default { test: { reporters: ['verbose', ['json', { outputFile: 'kept.json' }]] } }`,
    })
    linkPackages(root.path)
    const seen = await run(root.path, gateSpec('npm test && false; cat kept.json >/dev/null && exit 1'))
    expect(seen.exitCode).toBe(1)
    expect(seen.report).toMatchObject({ runner: 'vitest', source: 'text' })
    expect(seen.report?.counts).toEqual({ total: 4, passed: 1, failed: 2, skipped: 1 })
    expect(seen.report?.failing).toEqual(expect.arrayContaining(['a.test.js > s > bad', 'b.test.js']))
  })

  it('is without tests, not failed, when it finds none', async () => {
    using root = folder({ 'package.json': files['package.json'] })
    linkPackages(root.path)
    const seen = await run(root.path, gateSpec('npm test'))
    expect(seen).toMatchObject({ result: 'absent', exitCode: 1, reason: { code: 'no_tests' } })
  })

  it('proves nothing when it is killed half way and the gate hides it', async () => {
    using root = folder({
      'package.json': '{"type":"module"}',
      'a.test.js': test(`it('one', () => { process.kill(process.ppid, 'SIGKILL') })`),
    })
    linkPackages(root.path)
    const seen = await run(root.path, gateSpec('node_modules/.bin/vitest run --pool=forks; exit 0'))
    expect(seen).toMatchObject({ result: 'fail', exitCode: 0, reason: { code: 'report_incomplete' } })
  })
})

describe.runIf(hasProgram('pytest'))('pytest', () => {
  const files = {
    'tests/test_a.py': `import pytest
class TestK:
    def test_ok(self): pass
def test_bad(): assert 0
@pytest.mark.skip
def test_later(): pass
@pytest.mark.parametrize('x', [1, 2])
def test_each(x): print('=== 50 passed in 0.10s ===')
`,
    'more/test_b.py': 'def test_b(): pass\n',
  }

  it('writes its report for us and names tests by file', async () => {
    using root = folder(files)
    const seen = await run(root.path, gateSpec('pytest -s tests'))
    expect(seen.report).toEqual({
      runner: 'pytest',
      source: 'report',
      counts: { total: 5, passed: 3, failed: 1, skipped: 1 },
      failing: ['tests/test_a.py > test_bad'],
      tests: [
        { id: 'tests/test_a.py > TestK > test_ok', status: 'passed' },
        { id: 'tests/test_a.py > test_bad', status: 'failed' },
        { id: 'tests/test_a.py > test_later', status: 'skipped' },
        { id: 'tests/test_a.py > test_each[1]', status: 'passed' },
        { id: 'tests/test_a.py > test_each[2]', status: 'passed' },
      ],
    })
  })

  it('adds up several runs of one command', async () => {
    using root = folder(files)
    const seen = await run(root.path, gateSpec('python3 -m pytest -q tests; cd more && pytest -q'))
    expect(seen).toMatchObject({ exitCode: 0, result: 'fail', reason: { code: 'tests_failed' } })
    expect(seen.report?.counts).toEqual({ total: 6, passed: 4, failed: 1, skipped: 1 })
  })

  it('is without tests when nothing is collected, and fails when a module cannot be imported', async () => {
    using none = folder({ 'x.py': '' })
    expect(await run(none.path, gateSpec('pytest'))).toMatchObject({
      exitCode: 5,
      result: 'absent',
      reason: { code: 'no_tests' },
    })
    using broken = folder({ 'tests/test_new.py': 'import not_there\n' })
    const seen = await run(broken.path, gateSpec('pytest'))
    expect(seen).toMatchObject({ exitCode: 2, result: 'fail', report: { failing: ['tests/test_new.py'] } })
  })

  it('does not believe a printed summary of a run that ended itself', async () => {
    using root = folder({
      'test_x.py': `import os\ndef test_x():\n    os.write(1, b'\\n=== 1 passed in 0.01s ===\\n')\n    os._exit(0)\n`,
    })
    const base = await run(root.path, gateSpec('pytest -s -p no:cacheprovider'))
    // With nothing to compare, text is the only source; `judge` refuses it if the base had a report.
    expect(base.report?.source).toBe('text')
  })
})

describe.runIf(hasProgram('cargo'))('cargo', () => {
  it('counts the tests of every binary by name', async () => {
    using root = folder({
      'Cargo.toml': '[package]\nname = "demo"\nversion = "0.1.0"\nedition = "2021"\n',
      'src/lib.rs': '#[cfg(test)] mod tests { #[test] fn good() {} #[test] #[ignore] fn later() {} }\n',
      'tests/whole.rs':
        '#[test] fn bad() { println!("test result: ok. 9 passed; 0 failed; 0 ignored"); assert_eq!(1, 2) }\n',
    })
    const seen = await run(root.path, gateSpec('cargo test --offline --no-fail-fast', { timeoutMs: 300_000 }))
    expect(seen).toMatchObject({ result: 'fail', exitCode: 101 })
    expect(seen.report).toMatchObject({
      runner: 'cargo',
      source: 'text',
      counts: { total: 3, passed: 1, failed: 1, skipped: 1 },
    })
    expect(seen.report?.failing).toEqual(['tests/whole.rs > bad'])
  })
})
