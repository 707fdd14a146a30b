/** Declared flags and keys have their effect; for those that no other whole-program test covers. */
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { implemented, passes } from './support/answers.ts'
import { BatchWorld } from './support/batch-world.ts'
import { startModelServer, type ModelServer, type Reply } from './support/model-server/index.ts'
import { WorkflowWorld } from './support/workflow-world.ts'
import { World, type Scenario } from './support/world.ts'

let world: World | undefined
let model: ModelServer | undefined
afterEach(async () => {
  await model?.close()
  model = undefined
  world?.dispose()
  world = undefined
})

function start(scenario: Scenario, config = '', tasks = ['- [ ] T001 Write one']): World {
  world = new World(scenario)
  return world.config(config).feature('001-a', tasks).commit()
}

/** The model of the engine, reached as Anthropic's. */
async function scripted(here: World, ...replies: readonly Reply[]): Promise<ModelServer> {
  model = await startModelServer({ steps: replies.map((reply) => ({ reply })), isSide: () => false })
  Object.assign(here.env, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted' })
  return model
}

const ENGINE = ['--model', 'anthropic/claude-sonnet-5'] as const
const ONE = { files: { 'one.txt': '1\n' } }
const HELLO = { lines: [{ type: 'message', text: 'hello from the agent' }] }

describe('who works', () => {
  const agents = (here: World): string | undefined => here.log().at(-1)?.trailers['Belay-Agent']

  it('--reviewer takes the place of the reviewer alone', async () => {
    const here = start({ implementer: { '*': [ONE] } })
    await scripted(here, { say: JSON.stringify(passes('T001', 'Write one')) })
    const { code, stderr } = await here.belay(['run', '--reviewer', 'engine', ...ENGINE])
    expect(code, stderr).toBe(0)
    expect(here.requests().map(({ role }) => role)).toEqual(['implementer'])
    expect(agents(here)).toMatch(/^implementer=command\S*, reviewer=engine\/anthropic\/claude-sonnet-5$/)
  })

  it('--implementer takes the place of the implementer alone', async () => {
    const here = start({})
    const write = { name: 'write', input: { file_path: 'one.txt', content: '1\n' } }
    await scripted(here, { calls: [write] }, { say: JSON.stringify(implemented('T001')) })
    const { code, stderr } = await here.belay(['run', '--implementer', 'engine', ...ENGINE])
    expect(code, stderr).toBe(0)
    expect(here.requests().map(({ role }) => role)).toEqual(['reviewer'])
    expect(agents(here)).toMatch(/^implementer=engine\/anthropic\/claude-sonnet-5, reviewer=command\S*$/)
  })

  it('--agent takes both places', async () => {
    const here = start({})
    const write = { name: 'write', input: { file_path: 'one.txt', content: '1\n' } }
    await scripted(
      here,
      { calls: [write] },
      { say: JSON.stringify(implemented('T001')) },
      { say: JSON.stringify(passes('T001', 'Write one')) },
    )
    const { code, stderr } = await here.belay(['run', '--agent', 'engine', ...ENGINE])
    expect(code, stderr).toBe(0)
    expect(here.requests()).toEqual([])
    expect(agents(here)).toBe('implementer=engine/anthropic/claude-sonnet-5, reviewer=engine/anthropic/claude-sonnet-5')
  })
})

describe('--verbose shows what agents say, which nothing else does', () => {
  it('run and resume', async () => {
    const blocked = { ...HELLO, answer: { status: 'blocked', unresolvedItems: ['a key'] } }
    const here = start({ implementer: { '*': [blocked, { ...ONE, ...HELLO }] }, byCall: true })
    expect((await here.belay(['run', '--verbose'])).stderr).toContain('message: hello from the agent')
    expect((await here.belay(['retry', 'T001'])).code).toBe(0)
    const resumed = await here.belay(['resume', '--verbose'])
    expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringContaining('message: hello from the agent')])
    here.files({ 'specs/001-a/tasks.md': '## Phase 1\n\n- [ ] T002 Write two\n' }).commit()
    here.script({ implementer: { '*': [{ files: { 'two.txt': '2\n' }, ...HELLO }] } })
    const quiet = await here.belay(['run'])
    expect([quiet.code, quiet.stdout + quiet.stderr]).toEqual([0, expect.not.stringContaining('hello from')])
  })

  it('batch', async () => {
    const batch = new BatchWorld()
    world = batch
    batch.batch({ glob: '*.md', exclude: [] }).files({ 'a.md': 'A' })
    expect((await batch.run('--verbose')).stderr).toContain('message: thinking of a.md')
    batch.files({ 'a.md': 'B' })
    expect((await batch.run()).stderr).not.toContain('thinking of')
  })

  it('workflow run', async () => {
    const flow = new WorkflowWorld({ '*': [{ text: 'hello from the agent' }] })
    world = flow
    flow.flow([{ id: 'do', type: 'agent', prompt: 'Do it.' }])
    expect((await flow.run('--verbose')).stderr).toContain('message: hello from the agent')
    expect((await flow.run()).stderr).not.toContain('message: hello')
  })
})

it('batch --concurrency: files side by side', async () => {
  // Each waits until both have begun: alone it would wait for ever.
  const meet = 'touch $FILES/../met-$$; until [ $(ls $FILES/.. | grep -c ^met-) -ge 2 ]; do sleep 0.05; done'
  const batch = new BatchWorld({ '*': [{ sh: meet }] })
  world = batch
  batch.batch({ glob: '*.md', exclude: [], concurrency: 1 }).files({ 'a.md': 'A', 'b.md': 'B' })
  const { code, stderr } = await batch.run('--concurrency', '2')
  expect(code, stderr).toBe(0)
  expect(Object.keys(batch.results()).sort()).toEqual(['a.md', 'b.md'])
})

describe('keys', () => {
  it('workspace.root: where workspaces are', async () => {
    const here = start({ implementer: { '*': [ONE] } })
    const elsewhere = join(here.dir, 'elsewhere')
    mkdirSync(elsewhere)
    here.config(`workspace: {root: ${elsewhere}}\n`).commit('root')
    const { code, stderr } = await here.belay(['run'])
    expect(code, stderr).toBe(0)
    expect(String(here.requests()[0]?.['workspace']).startsWith(`${elsewhere}/`)).toBe(true)
    expect(existsSync(join(here.home, 'workspaces'))).toBe(false)
  })

  it.each([
    [true, 'setup_inputs: [deps.txt]'],
    [false, 'setup_inputs: [other.txt]'],
  ])('workspace.setup_inputs: setup is done again: %s for %s', async (again, inputs) => {
    const rework = {
      answer: { verdict: 'rework', findings: [{ severity: 'high', issue: 'not yet', fixHint: 'three', file: null }] },
    }
    const here = new World({
      implementer: { '*': [{ files: { 'deps.txt': 'two\n' } }, { files: { 'deps.txt': 'three\n' } }] },
      reviewer: { '*': [rework, {}] },
    })
    world = here
    const log = join(here.dir, 'setup.log')
    const setup = JSON.stringify(`cat deps.txt >> ${log}`)
    here
      .config(`workspace: {setup: [${setup}], ${inputs}}\nverify: {commands: [{run: "true", name: yes}]}\n`)
      .files({ 'deps.txt': 'one\n' })
      .feature('001-a', ['- [ ] T001 Change what is needed'])
      .commit()
    const { code, stderr } = await here.belay(['run', '--accept-red-baseline', '--allow-absent-gates'])
    expect(code, stderr).toBe(0)
    expect(here.read('deps.txt')).toBe('three\n')
    // The gates of both attempts were run in one checkout.
    expect(readFileSync(log, 'utf8').includes('three')).toBe(again)
  })

  it('verify.protected: the reviewer is told of changes there', async () => {
    const told = 'Changed files that the checks themselves depend on'
    const prompt = (here: World): string =>
      String(here.requests().findLast((request) => request['role'] === 'reviewer')?.['prompt'])
    const here = start({ implementer: { T001: [ONE], T002: [{ files: { 'rules/x.txt': 'x\n' } }] } }, '', [
      '- [ ] T001 Write one',
      '- [ ] T002 Change a rule',
    ])
    here.config('verify: {protected: ["rules/**"]}\n').commit('protect')
    const { code, stderr } = await here.belay(['run', '--until', 'T001'])
    expect(code, stderr).toBe(0)
    expect(prompt(here)).not.toContain(told)
    expect((await here.belay(['run'])).code).toBe(0)
    expect(prompt(here)).toContain(told)
    expect(prompt(here).slice(prompt(here).indexOf(told))).toContain('rules/x.txt')
  })
})

it('--json of what changes something names what it changed', async () => {
  const here = start({
    implementer: { '*': [{ answer: { status: 'blocked', unresolvedItems: ['a key'] } }], exec: [HELLO] },
  }).unconfined()
  expect((await here.belay(['run'])).code).toBe(3)
  expect(await here.json(['unblock', 'T001', '--note', 'here it is'])).toMatchObject({
    task: { handle: 'T001', status: 'queued' },
  })
  await here.belay(['exec', 'x', '--session', 's'])
  expect(await here.json(['session', 'unlock', 's'])).toEqual({ session: 's', unlocked: false, holder: null })
  expect(await here.json(['session', 'delete', 's'])).toEqual({ deleted: ['s'] })
})

it('batch: results, include_ignored and stall', async () => {
  const batch = new BatchWorld({ 'c.md': [{ hang: true }] })
  world = batch
  const keys = { glob: '*.md', exclude: [], results: 'answers.json', stall: '1s', max_attempts: 1 }
  batch.batch(keys).files({ 'a.md': 'A', 'b.md': 'B', '.gitignore': 'b.md\nanswers.json\n' }).commit()
  expect((await batch.run()).code).toBe(0)
  const answers = (): string[] => Object.keys(JSON.parse(batch.read('answers.json')) as object).sort()
  expect([answers(), batch.has('results.json')]).toEqual([['a.md'], false])
  batch.batch({ ...keys, include_ignored: true }).files({ 'c.md': 'C' })
  const { code, stderr } = await batch.run()
  expect([code, stderr]).toEqual([3, expect.stringMatching(/c\.md +blocked: the agent was silent for too long/)])
  expect(answers()).toEqual(['a.md', 'b.md'])
})

it('workflow: start says where it begins', async () => {
  const flow = new WorkflowWorld({})
  world = flow
  const step = (id: string, next: string) => ({ id, type: 'agent', prompt: 'Do it.', next })
  flow.flow([step('a', 'end'), step('b', 'a')], { start: 'b' })
  const { code, stderr } = await flow.run()
  expect(code, stderr).toBe(0)
  expect(flow.requests().map(({ task }) => (task as { handle: string }).handle)).toEqual(['b', 'a'])
})

const noOs = (await findBackend('os').probe()) !== null && process.env['CI'] !== 'true'
it.skipIf(noOs)('a sandbox with details: read, write, hide and network, in a home of ones own', async () => {
  const here = new World({ implementer: { '*': [ONE] } })
  world = here
  here.files({ '../user/given/file': 'what was given\n', 'a.txt': 'a\n' })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const given = join(here.dir, 'user', 'given')
    const gate = [
      'cat /etc/passwd >/dev/null 2>&1 && echo seen',
      `cat ${given}/file 2>/dev/null`,
      `(echo x > ${given}/made) 2>/dev/null && echo written`,
      `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}' 2>/dev/null && echo reached`,
      'true',
    ].join('; ')
    here.config(`verify: {commands: [{run: ${JSON.stringify(gate)}, name: look}]}\n`).commit()
    const said = async (sandbox: string): Promise<string | undefined> => {
      const flags = ['--accept-red-baseline', '--allow-absent-gates', '--set', `verify.sandbox=${sandbox}`]
      const { code, stderr } = await here.belay(['run', 'Write one', ...flags])
      expect(code, stderr).toBe(0)
      const { evidence } = await here.json<{ evidence: { output_head: string }[] }>(['show', 'prompt'])
      return evidence.at(-1)?.output_head
    }
    expect(await said('os')).toBe('seen\n')
    here.script({ implementer: { '*': [{ files: { 'two.txt': '2\n' } }] } })
    const details = '{backend: os, read: [~/given], write: [~/given], hide: [/etc/passwd], network: full}'
    expect(await said(details)).toBe('what was given\nwritten\nreached\n')
  } finally {
    server.close()
  }
})
