import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { events, prompts, status, task, tasks } from './support/people.ts'
import { startTime } from './crash/crash-world.ts'
import { World, type Scenario, type Turn } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario, config: string, lines: readonly string[] = ['- [ ] T001 Write one']): World {
  world = new World(scenario)
  return world.config(config).feature('001-a', lines).commit()
}

function spent(usd: number | null, tokens = 10): NonNullable<Turn['usage']> {
  return { input_tokens: tokens, output_tokens: 0, cost_usd: usd }
}

describe('budget.usd', () => {
  it('ends the turn that uses it up, suspends with exit 5, and goes on in the same conversation when it is raised', async () => {
    // The agent would go on for ever: only the limit ends its turn.
    const first: Turn = { files: { 'half.txt': 'half\n' }, usage: spent(0.6), hang: true }
    const second: Turn = { sh: 'test "$(cat half.txt)" = half && echo 1 > one.txt', usage: spent(0.1) }
    start({ implementer: { T001: [first, second] }, byCall: true }, 'budget: {usd: 0.5}\ntask: {max_iterations: 1}\n')
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(5)
    const before = await task(world, 'T001')
    expect(before).toMatchObject({
      status: 'suspended',
      phase: 'implement',
      attempt: 0,
      reason: { code: 'budget_usd' },
    })
    expect(before.reason?.message).toContain('belay resume --budget-usd')

    const still = await world.belay(['resume'])
    expect(still.code).toBe(5)
    expect(prompts(world, 'implementer')).toHaveLength(1)

    const raised = await world.belay(['resume', '--budget-usd', '2'])
    expect(raised.code, raised.stderr).toBe(0)
    expect(world.requests().map((request) => `${String(request['role'])} ${String(request['attempt'])}`)).toEqual([
      'implementer 1',
      'implementer 1',
      'reviewer 1',
    ])
    expect(prompts(world, 'implementer')[1]).toContain('cut off')
    expect(world.read('half.txt')).toBe('half\n')
    const sessions = await events(world, 'session.started')
    expect(sessions.filter((event) => event.data['role'] === 'implementer')).toHaveLength(1)
    const shown = await world.json<{ run: { cost_usd: number; cost_kind: string } }>(['status'])
    expect(shown.run).toMatchObject({ cost_usd: expect.closeTo(0.7), cost_kind: 'reported' })
  })

  it('starts no second agent after the limit, beside others or after them', async () => {
    const lines = [
      '- [ ] T001 [P] Write one',
      '- [ ] T002 [P] Write two',
      '- [ ] T003 [P] Write three',
      '- [ ] T004 [P] Write four',
    ]
    // Both are at work before either of them uses anything up.
    const both = (other: string): Turn => ({
      sh: `while ! grep -q '"handle":"${other}"' "$AGENT_DIR/requests.jsonl"; do sleep 0.02; done`,
      usage: spent(1),
      hang: true,
    })
    start({ implementer: { T001: [both('T002')], '*': [both('T001')] } }, 'budget: {usd: 0.5}\n', lines)
    world.env['AGENT_DIR'] = world.agentDir
    const run = await world.belay(['run', '--concurrency', '2'])
    expect(run.code, run.stderr).toBe(5)
    expect(prompts(world, 'implementer')).toHaveLength(2)
    expect(await tasks(world)).toBe('T001 suspended, T002 suspended, T003 suspended, T004 suspended')
  })

  it('is refused where nobody knows what an agent costs, unless that is allowed', async () => {
    start({ implementer: { T001: [{ files: { 'one.txt': '1\n' }, usage: spent(null) }] } }, 'budget: {usd: 5}\n')
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(5)
    expect(await task(world, 'T001')).toMatchObject({ status: 'suspended', reason: { code: 'budget_unknown_cost' } })
    expect(prompts(world, 'reviewer')).toHaveLength(0)
    for (const look of [['status'], ['show', 'T001']])
      expect((await world.belay(look)).stdout).toMatch(/belay resume( \S+)? --allow-unknown-cost$/m)
    const allowed = await world.belay(['resume', '--allow-unknown-cost'])
    expect(allowed.code, allowed.stderr).toBe(0)
    const shown = await world.json<{ run: Record<string, unknown> }>(['status'])
    expect(shown.run).toMatchObject({ cost_usd: null, cost_kind: 'unknown' })
  })

  it('does not mind an unknown cost where the configuration allows it', async () => {
    start(
      { implementer: { T001: [{ files: { 'one.txt': '1\n' }, usage: spent(null) }] } },
      'budget: {usd: 5, unknown_cost: allow}\n',
    )
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
  })
})

describe('budget.tokens', () => {
  it('counts the tokens of all agents and processes', async () => {
    start(
      {
        implementer: { T001: [{ files: { 'one.txt': '1\n' }, usage: spent(null, 600) }] },
        reviewer: { '*': [{ usage: spent(null, 600) }, {}] },
      },
      'budget: {tokens: 1000}\n',
    )
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(5)
    expect(await task(world, 'T001')).toMatchObject({
      status: 'suspended',
      phase: 'review',
      attempt: 1,
      reason: { code: 'budget_tokens' },
    })
    const raised = await world.belay(['resume', '--budget-tokens', '5000'])
    expect(raised.code, raised.stderr).toBe(0)
    expect(prompts(world, 'implementer')).toHaveLength(1)
    expect(prompts(world, 'reviewer')).toHaveLength(2)
  })
})

describe('budget.wall', () => {
  it('keeps nobody waiting whose run could not go on', async () => {
    start({ implementer: { T001: [{ hang: true }] } }, 'budget: {wall: 1h}\n')
    mkdirSync(world.home, { recursive: true })
    writeFileSync(join(world.home, 'sessions'), 'in the way of what agents say')
    const run = await world.belay(['run'])
    expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('EEXIST')])
  })

  it('ends a silent turn when the time is used up, over all processes of the run', async () => {
    start({ implementer: { T001: [{ hang: true }] } }, 'budget: {wall: 3s}\n')
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(5)
    expect(await task(world, 'T001')).toMatchObject({ status: 'suspended', reason: { code: 'budget_wall' } })
    const asked = prompts(world, 'implementer').length
    const still = await world.belay(['resume'])
    expect(still.code).toBe(5)
    expect(prompts(world, 'implementer')).toHaveLength(asked)
    world.script({ implementer: { T001: [{ files: { 'one.txt': '1\n' } }] } })
    const raised = await world.belay(['resume', '--budget-wall', '10m'])
    expect(raised.code, raised.stderr).toBe(0)
    expect((await status(world)).run.status).toBe('done')
  })

  it.each([
    ['setup', '10s', 'prepare', 0],
    ['gate', '30s', 'verify', 1],
  ])('ends a %s that runs on; nothing is lost when it is raised', async (what, wall, phase, attempt) => {
    world = new World({ implementer: { T001: [{ files: { 'one.txt': '1\n' } }] } })
    const [pid, go] = [join(world.dir, 'pid'), join(world.dir, 'go')]
    const slow = `test -e '${go}' || { echo $$ > '${pid}'; exec sleep 1000; }`
    const command = what === 'gate' ? `test ! -e one.txt || ${slow}` : slow
    const list = JSON.stringify([command])
    const keys = what === 'gate' ? `verify: {commands: ${list}}` : `workspace: {setup: ${list}}`
    world.config(`budget: {wall: ${wall}}\n${keys}\n`)
    world.feature('001-a', ['- [ ] T001 Write one']).commit()
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(5)
    expect(startTime(Number(readFileSync(pid, 'utf8')))).toBeNull()
    expect(await task(world, 'T001')).toMatchObject({
      status: 'suspended',
      phase,
      attempt,
      reason: { code: 'budget_wall' },
    })
    writeFileSync(go, '')
    const raised = await world.belay(['resume', '--budget-wall', '10m'])
    expect(raised.code, raised.stderr).toBe(0)
    expect(prompts(world, 'implementer')).toHaveLength(1)
    expect(await task(world, 'T001')).toMatchObject({ status: 'done', attempt: 1 })
    const shown = await world.json<{ evidence: { result: string }[] }>(['show', 'T001'])
    expect(shown.evidence.filter((one) => one.result !== 'pass')).toEqual([])
  })
})

describe('limits of belay resume', () => {
  it('are checked before anything is changed', async () => {
    start({ implementer: { T001: [{ usage: spent(1), hang: true }] } }, 'budget: {usd: 0.5}\n')
    await world.belay(['run'])
    for (const flags of [
      ['--budget-usd', '-1'],
      ['--budget-tokens', '1.5'],
      ['--budget-wall', '8'],
      ['--concurrency', '65'],
    ]) {
      const result = await world.belay(['resume', ...flags, '--json'])
      expect([result.code, JSON.parse(result.stdout).error.code]).toEqual([2, 'usage'])
    }
    expect((await task(world, 'T001')).status).toBe('suspended')
  })
})
