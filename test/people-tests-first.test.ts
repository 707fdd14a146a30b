import { afterEach, describe, expect, it } from 'vitest'
import { prompts, status, task, tasks } from './support/people.ts'
import { World, type Scenario, type Turn } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

const OLD_TEST = "import test from 'node:test'\ntest('old', () => {})\n"
const NEW_TEST =
  "import test from 'node:test'\nimport assert from 'node:assert'\nimport { existsSync } from 'node:fs'\n" +
  "test('adds', async () => { assert.ok(existsSync('sum.mjs')); const { sum } = await import('../sum.mjs'); assert.equal(sum(1, 2), 3) })\n"
const SUM = 'export const sum = (a, b) => a + b\n'

const SPEC: Turn = { files: { 'test/sum.test.mjs': NEW_TEST } }
const SPEC_SAID: Turn = { ...SPEC, answer: { notes: ['red_expected: adds in test/sum.test.mjs, until T002'] } }
const CODE: Turn = { files: { 'sum.mjs': SUM } }

function start(scenario: Scenario): World {
  world = new World(scenario)
  return world
    .config('verify: {commands: [{run: "node --test", name: unit}]}\ntask: {max_iterations: 2}\n')
    .files({ 'test/old.test.mjs': OLD_TEST, 'package.json': '{"name":"x","scripts":{"test":"node --test"}}\n' })
    .feature('001-sum', ['- [ ] T001 Write the tests of sum', '- [ ] T002 Write sum'])
    .commit()
}

describe('tests that are written first', () => {
  it('land red when implementer and reviewer say so, and a later task makes the run done', async () => {
    start({ implementer: { T001: [SPEC_SAID], T002: [CODE] } })
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(world.log().map((commit) => commit.trailers['Belay-Gates'])).toEqual([
      undefined,
      'unit=red_expected',
      'unit=pass',
    ])
    expect(prompts(world, 'implementer')[0]).toContain('red_expected')
    const [review] = prompts(world, 'reviewer')
    expect(review).toContain('pass only if they are meant to fail now')
    expect(review).toContain('adds')
    expect((await status(world)).run.status).toBe('done')
  })

  it('keep the run from being done while they are red, and name the gate', async () => {
    start({ implementer: { T001: [SPEC_SAID] } })
    const run = await world.belay(['run', '--until', 'T001'])
    expect(run.code, run.stderr).toBe(3)
    const { run: after } = await status(world)
    expect(after).toMatchObject({ status: 'blocked', landed: true, reason: { code: 'red_expected' } })
    expect(after.reason?.message).toMatch(/unit \(.*adds/)
    expect((await task(world, 'T001')).status).toBe('done')
  })

  it('fail like any others when nobody announced them, or when something else fails too', async () => {
    const breaks: Turn = {
      files: {
        'test/sum.test.mjs': NEW_TEST,
        'test/old.test.mjs': OLD_TEST.replace('() => {}', "() => { throw new Error('x') }"),
      },
      answer: SPEC_SAID.answer ?? {},
    }
    start({ implementer: { T001: [SPEC, breaks] } })
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(3)
    expect(await tasks(world)).toBe('T001 blocked, T002 skipped')
    expect(prompts(world, 'implementer')[1]).toContain('Failing checks')
    expect(prompts(world, 'reviewer')).toHaveLength(0)
    expect(world.log()).toHaveLength(1)
  })

  it('do not land when the reviewer does not agree', async () => {
    const finding = { severity: 'high', issue: 'these are not meant to fail', fixHint: 'write the code' }
    start({
      implementer: { T001: [SPEC_SAID] },
      reviewer: { T001: [{ answer: { verdict: 'rework', findings: [finding] } }] },
    })
    expect((await world.belay(['run'])).code).toBe(3)
    expect(world.log()).toHaveLength(1)
  })
})
