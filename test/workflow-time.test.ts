import { userInfo } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { WorkflowWorld, agent, finished } from './support/workflow-world.ts'
import { collect } from './support/world.ts'

let world: WorkflowWorld
afterEach(() => world.dispose())

function start(turns: ConstructorParameters<typeof WorkflowWorld>[0] = {}): WorkflowWorld {
  world = new WorkflowWorld(turns)
  return world
}

interface Asked {
  readonly id: string
  readonly question: string
  readonly options: readonly string[]
  readonly context: Readonly<Record<string, unknown>>
  readonly status: string
}

async function question(): Promise<Asked> {
  const { checkpoints } = await world.json<{ checkpoints: Asked[] }>(['checkpoints', '--all'])
  const last = checkpoints.at(-1)
  if (!last) throw new Error('nobody is asked anything')
  return last
}

describe('people in a workflow', () => {
  const ask = { id: 'ok', type: 'human_approval', message: 'Ship ${in.what}?', input: { what: '${input.what}' } }
  const input = { type: 'object', properties: { what: { type: 'string', default: 'it' } } }

  it('are asked with what they need, and the run goes on with what they say', async () => {
    start().flow([ask, { id: 'said', type: 'transform', value: '${steps.ok.output}' }], { input })
    const first = await world.run('--set', 'what=belay', '--json')
    expect(first.code, first.stderr).toBe(4)
    expect(finished(first).status).toBe('waiting')
    const asked = await question()
    expect(asked).toMatchObject({
      question: 'Ship belay?',
      options: ['approve', 'reject'],
      status: 'open',
      context: { workflow: 'flow', input: { what: 'belay' } },
    })
    // Nobody has answered yet: going on changes nothing.
    expect((await world.belay(['resume'])).code).toBe(4)
    const bad = await world.belay(['answer', asked.id, 'maybe', '--json'])
    expect(JSON.parse(bad.stdout)).toMatchObject({ error: { code: 'answer_invalid' } })
    const done = await world.belay(['answer', asked.id, 'approve', '--note', 'go', '--resume', '--json'])
    expect(done.code, done.stderr).toBe(0)
    expect(finished(done).output).toMatchObject({ answer: 'approve', note: 'go' })
    const again = await world.belay(['answer', asked.id, 'reject', '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'checkpoint_closed' } })
  })

  it('can be answered while others of its steps run', async () => {
    start({ work: [{ sh: 'while [ ! -e "$AGENT_FOLDER/go" ]; do sleep 0.05; done' }] }).flow([
      {
        id: 'p',
        type: 'parallel',
        branches: {
          a: { states: [{ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }] },
          b: { states: [agent('work')] },
        },
      },
    ])
    const running = collect(world.start(['workflow', 'run', world.file, '--json']))
    await world.until(async () => (await world.belay(['checkpoints'])).stdout.includes('belay answer'))
    expect((await world.belay(['answer', (await question()).id, 'approve'])).code).toBe(0)
    await world.until(async () => (await world.statuses())['p.a.ok'] === 'done')
    world.touch('go')
    expect(finished(await running).status).toBe('done')
  })

  it('who reject it fail the step, or lead where the workflow says', async () => {
    start().flow([ask], { input })
    await world.run()
    const failed = await world.belay([
      'answer',
      (await question()).id,
      'reject',
      '--note',
      'too early',
      '--resume',
      '--json',
    ])
    expect(failed.code).toBe(3)
    expect(finished(failed).reason).toEqual({
      code: 'approval_rejected',
      message: 'step ok: a person rejected it: too early',
    })
    // Asked again, with a question of its own.
    expect((await world.belay(['retry', 'ok', '--resume'])).code).toBe(4)
    expect((await world.belay(['answer', (await question()).id, 'approve', '--resume'])).code).toBe(0)

    world.flow(
      [
        { ...ask, on_reject: 'no' },
        { id: 'yes', type: 'inject', value: 'yes', next: 'end' },
        { id: 'no', type: 'transform', value: 'no: ${steps.ok.output.note}' },
      ],
      { input },
    )
    await world.run()
    const led = await world.belay(['answer', (await question()).id, 'reject', '--note', 'why', '--resume', '--json'])
    expect(finished(led).output).toBe('no: why')
  })

  it('who do not answer in time are not waited for, and cannot answer any more', async () => {
    start().flow(
      [
        { ...ask, timeout: '5s' },
        { id: 'yes', type: 'inject', value: 1 },
      ],
      { input },
    )
    expect((await world.run()).code).toBe(4)
    const asked = await question()
    const { expires_at: at } = asked.context
    await world.until(() => Date.parse(String(at)) < Date.now())
    const late = await world.belay(['answer', asked.id, 'approve', '--json'])
    expect(late.code).toBe(2)
    expect(JSON.parse(late.stdout)).toMatchObject({ error: { code: 'checkpoint_expired' } })
    // It is not shown as one that could be answered, before anybody goes on with the run.
    expect((await question()).status).toBe('expired')
    const shown = (await world.belay(['checkpoints'])).stdout
    expect(shown).toContain(`expired: it could be answered until ${String(at)}; the run goes on without: belay resume `)
    expect(shown).not.toContain('belay answer')
    const { task } = await world.json<{ task: { why: string; next: string; checkpoints: Asked[] } }>(['show', 'ok'])
    expect([task.why, task.next, task.checkpoints[0]?.status]).toEqual([
      expect.stringContaining(`nobody answered until ${String(at)}`),
      expect.stringContaining('belay resume'),
      'expired',
    ])
    const resumed = await world.belay(['resume', '--json'])
    expect(resumed.code).toBe(3)
    expect(finished(resumed).reason).toMatchObject({ code: 'approval_timeout' })
    expect((await question()).status).toBe('cancelled')
  })

  it('an answer that came in time counts, however late it is read; a timeout may lead somewhere', async () => {
    const states = (timeout: string) => [
      { ...ask, timeout, on_timeout: 'late' },
      { id: 'yes', type: 'inject', value: 'in time', next: 'end' },
      { id: 'late', type: 'inject', value: 'too late' },
    ]
    start().flow(states('20s'), { input })
    await world.run()
    const asked = await question()
    expect((await world.belay(['answer', asked.id, 'approve'])).code).toBe(0)
    await world.until(() => Date.parse(String(asked.context['expires_at'])) < Date.now())
    expect(finished(await world.belay(['resume', '--json'])).output).toBe('in time')
    world.flow(states('1s'), { input })
    await world.run()
    const second = await question()
    await world.until(() => Date.parse(String(second.context['expires_at'])) < Date.now())
    expect(finished(await world.belay(['resume', '--json'])).output).toBe('too late')
  })

  it('whose time is over while other steps run are not waited for until those end', async () => {
    start({ work: [{ sh: 'while [ ! -e "$AGENT_FOLDER/go" ]; do sleep 0.05; done' }] }).flow(
      [
        {
          id: 'p',
          type: 'parallel',
          branches: {
            a: { states: [{ ...ask, message: 'ok?', timeout: '300ms', on_timeout: 'end' }] },
            b: { states: [agent('work')] },
          },
        },
      ],
      { input },
    )
    const running = collect(world.start(['workflow', 'run', world.file, '--json']))
    await world.until(async () => (await world.statuses())['p.a.ok'] === 'done')
    world.touch('go')
    expect(finished(await running).output).toMatchObject({ a: { answer: null } })
  })

  it('are those that the workflow names, and nobody else', async () => {
    start().flow([{ ...ask, approvers: ['nobody-of-this-name'] }], { input })
    await world.run()
    const refused = await world.belay(['answer', (await question()).id, 'approve', '--json'])
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { code: 'not_an_approver', expected: 'nobody-of-this-name', received: userInfo().username },
    })
    world.flow([{ ...ask, approvers: ['nobody-of-this-name', userInfo().username] }], { input })
    await world.run()
    expect((await world.belay(['answer', (await question()).id, 'approve', '--resume'])).code).toBe(0)
  })
})

describe('time in a workflow', () => {
  it('a timer waits as long as it says', async () => {
    start().flow([{ id: 'pause', type: 'timer', duration: '${input.d}' }, agent('after')], {
      input: { type: 'object', properties: { d: { type: 'string' } } },
    })
    const before = Date.now()
    const result = await world.run('--set', 'd=700ms', '--json')
    expect(result.code, result.stderr).toBe(0)
    expect(Date.now() - before).toBeGreaterThanOrEqual(700)
    expect(world.asked()).toEqual(['after'])
    expect(finished(await world.run('--set', 'd=soon', '--json')).reason?.code).toBe('invalid_value')
  })

  it('--no-wait leaves a timer to a later resume, and what is over is not waited for again', async () => {
    start().flow([{ id: 'pause', type: 'timer', until: '${input.at}' }, agent('after')], {
      input: { type: 'object', properties: { at: { type: 'string' } } },
    })
    const left = await world.run('--set', `at=${new Date(Date.now() + 3_600_000).toISOString()}`, '--no-wait', '--json')
    expect(left.code).toBe(5)
    expect(finished(left)).toMatchObject({ status: 'suspended' })
    expect((await world.steps())['pause']).toMatchObject({ status: 'suspended', reason: { code: 'timer' } })
    expect((await world.belay(['resume', '--no-wait'])).code).toBe(5)
    const past = await world.run('--set', 'at=2020-01-01T00:00:00Z', '--no-wait', '--json')
    expect(past.code, past.stderr).toBe(0)
  })

  it('a timer goes on from where it was when Belay was killed meanwhile', async () => {
    start().flow([{ id: 'pause', type: 'timer', duration: '10s' }, agent('after')])
    const child = world.start(['workflow', 'run', world.file])
    const gone = collect(child)
    await world.until(async () => (await world.belay(['status', '--json'])).stdout.includes('"timer"'))
    child.kill('SIGKILL')
    await gone
    expect((await world.belay(['resume'])).code).toBe(0)
    const lines = (await world.belay(['events', '--type', 'task.suspended', '--json'])).stdout.trim().split('\n')
    const times = lines.map((line) => JSON.parse(line) as { data: { reason: { message: string } } })
    expect(new Set(times.map(({ data }) => data.reason.message)).size, lines.join('\n')).toBe(1)
    expect(world.asked()).toEqual(['after'])
  })
})

describe('tries of a step', () => {
  it('are made again as `retry` says, with what went wrong, and no more often', async () => {
    start({ do: [{ error: { code: 'failed', message: 'first' } }, { answer: null }, {}] })
    world.flow([agent('do', { retry: { max_attempts: 3, backoff: '10ms' } })])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(world.asked()).toEqual(['do', 'do', 'do'])
    expect(world.requests().map((request) => request['attempt'])).toEqual([1, 2, 3])
    expect(world.prompt('do', 1)).toContain('## What went wrong in the last try\n```\nfirst\n```')
    const { attempts } = await world.json<{ attempts: { n: number; outcome: string }[] }>(['show', 'do'])
    expect(attempts.map(({ n, outcome }) => `${n} ${outcome}`)).toEqual([
      '1 agent_failed',
      '2 agent_protocol',
      '3 answered',
    ])
    world.turns({ do: [{ error: { code: 'failed', message: 'always' } }] })
    const given = await world.run('--json')
    expect(given.code).toBe(3)
    expect(finished(given).reason?.message).toBe('step do: always (given up after 3 tries)')
    expect(world.asked()).toHaveLength(6)
  })

  it('are not made again for a failure that `on` does not name', async () => {
    start({ do: [{ error: { code: 'failed', message: 'no' } }] })
    world.flow([agent('do', { retry: { max_attempts: 3, backoff: '10ms', on: ['invalid_answer'] } })])
    expect((await world.run()).code).toBe(3)
    expect(world.asked()).toEqual(['do'])
  })

  it('begin where the step began: what a failed one left is gone', async () => {
    start({
      do: [{ files: { 'a.txt': '1' }, error: { code: 'failed', message: 'no' } }, { sh: 'ls > "$AGENT_FOLDER/seen"' }],
    })
    world.flow([agent('do', { retry: { max_attempts: 2, backoff: '10ms' } })])
    expect((await world.run()).code).toBe(0)
    expect(world.agentFile('seen')).toBe('README.md\n')
  })

  it('are ended when their time is over', async () => {
    start({ do: [{ hang: true }] }).flow([agent('do', { timeout: '500ms' })])
    const result = await world.run('--json')
    expect(result.code).toBe(3)
    expect(finished(result).reason).toMatchObject({ code: 'agent_timeout' })
  })

  it('that break the schema are asked again, and then failed with what was wrong', async () => {
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
    start({ do: [{ answer: { ok: 'yes' } }, { answer: { ok: true } }] }).flow([agent('do', { output_schema: schema })])
    expect(finished(await world.run('--json')).output).toEqual({ ok: true })
    expect(world.prompt('do', 1)).toContain('/ok: must be boolean')
    world.turns({ do: [{ answer: { ok: 'no' } }] })
    const failed = await world.run('--json')
    expect(finished(failed).reason).toMatchObject({ code: 'invalid_answer' })
    expect((await world.steps())['do']).toMatchObject({ attempt: 1 })
  })

  it('wait for a quota and count no attempt; --no-wait leaves them', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString()
    start({ do: [{ error: { code: 'quota', message: 'used up', retry_at: at } }, {}] }).flow([agent('do')])
    const left = await world.run('--no-wait', '--json')
    expect(left.code).toBe(5)
    expect((await world.steps())['do']).toMatchObject({
      status: 'suspended',
      attempt: 0,
      reason: { code: 'agent_quota' },
    })
  })

  it('are taken by the next agent of `failover` when one has used up its quota', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString()
    start({ do: [{ error: { code: 'quota', message: 'used up', retry_at: at } }, {}] }).flow([agent('do')])
    const { agent: own } = parse(world.flowText()) as { agent: { command: string[] } }
    world.flow([agent('do')], { agent: { ...own, failover: [{ command: [...own.command, 'another'] }] } })
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(world.asked()).toEqual(['do', 'do'])
    expect(result.stdout).toContain('"type":"item.failover"')
    world.flow([agent('do')], { agent: { ...own, failover: [{ provider: 'command' }] } })
    const refused = await world.belay(['workflow', 'validate', world.file])
    expect(refused.stdout).toContain('MISSING_KEY: agent.failover[0].command is missing')
  })

  it('stop at the budget, and go on when it is raised', async () => {
    const usage = { input_tokens: 60, output_tokens: 50, cost_usd: 0.5 }
    start({ '*': [{ usage }] }).flow([agent('one'), agent('two')])
    const first = await world.run('--budget-tokens', '100', '--json')
    expect(first.code).toBe(5)
    expect((await world.steps())['one']).toMatchObject({ status: 'suspended', reason: { code: 'budget_tokens' } })
    const second = await world.belay(['resume', '--budget-tokens', '1000', '--json'])
    expect(second.code, second.stderr).toBe(0)
    const { run } = await world.json<{ run: { cost_usd: number } }>(['status'])
    expect(run.cost_usd).toBeCloseTo(1.5)
    world.write(world.flowText().replace('name: flow', 'name: flow\nbudget: {usd: 0.4}'))
    expect((await world.run()).code).toBe(5)
  })

  it('go on with a word of a person', async () => {
    start({ do: [{ error: { code: 'failed', message: 'no key' } }, {}] }).flow([agent('do')])
    expect((await world.run()).code).toBe(3)
    const on = await world.belay(['unblock', 'do', '--note', 'The key is in .env', '--resume'])
    expect(on.code, on.stderr).toBe(0)
    expect(world.prompt('do', 1)).toContain('## Notes from a person\n```\n- The key is in .env\n```')
  })
})
