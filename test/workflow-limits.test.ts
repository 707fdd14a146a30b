/** Time limits and retries of states with states inside, and of a workflow as a whole. */
import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { WorkflowWorld, agent, finished } from './support/workflow-world.ts'
import { collect } from './support/world.ts'

let world: WorkflowWorld
afterEach(() => world.dispose())

function start(turns: ConstructorParameters<typeof WorkflowWorld>[0] = {}): WorkflowWorld {
  world = new WorkflowWorld(turns)
  return world
}

const FAIL = { error: { code: 'failed', message: 'no way' } } as const

/** For a turn of the scripted agent on a busy machine; what hangs takes as long. */
const LONG_ENOUGH = '15s'

/** States that run a hanging agent, by type. */
const SLOW = {
  foreach: { id: 'slow', type: 'foreach', items: [1], states: [agent('hang')] },
  parallel: {
    id: 'slow',
    type: 'parallel',
    branches: { a: { states: [agent('hang')] }, b: { states: [agent('ok')] } },
  },
  try: { id: 'slow', type: 'try', states: [agent('hang')] },
} as const

/** Whether no process of the agent's is left. */
function agentsLeft(): string {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(world.agentDir) && line.includes('step-agent'))
    .join('\n')
}

describe('timeout', () => {
  it.each(Object.entries(SLOW))('%s: what is inside is given up, with its agents', async (_, state) => {
    start({ hang: [{ hang: true }] }).flow([{ ...state, timeout: LONG_ENOUGH }, agent('after')])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(3)
    expect(finished(result)).toMatchObject({
      status: 'blocked',
      reason: { code: 'step_timeout', message: `step slow: it was not done in ${LONG_ENOUGH}` },
    })
    const hang = Object.entries(await world.steps()).find(([handle]) => handle.endsWith('.hang'))
    expect(hang?.[1]).toMatchObject({ status: 'cancelled', reason: { code: 'step_timeout' } })
    expect(agentsLeft()).toBe('')
    // What was given up stays so; the state around it begins anew.
    const refused = await world.belay(['retry', hang?.[0] ?? '', '--json'])
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'task_done' } })
    world.turns({})
    const again = await world.belay(['retry', 'slow', '--resume', '--json'])
    expect(again.code, again.stderr).toBe(0)
    expect(finished(again).status).toBe('done')
    expect(world.asked().at(-1)).toBe('after')
    expect(world.asked().some((handle) => /^slow\.\w+@2\.hang$/.test(handle))).toBe(true)
  })

  it('a handler takes it, and what was done in time is no part of what follows', async () => {
    start({
      quick: [{ files: { 'quick.txt': 'x' } }],
      hang: [{ hang: true }],
      after: [{ sh: 'ls > "$AGENT_FOLDER/seen"' }],
    })
    world.flow([
      {
        id: 'safe',
        type: 'try',
        states: [
          { id: 'slow', type: 'foreach', items: [1], timeout: LONG_ENOUGH, states: [agent('quick'), agent('hang')] },
        ],
        catch: [{ on: ['step_timeout'], states: [{ id: 'told', type: 'transform', value: '${error.step}' }] }],
      },
      agent('after'),
    ])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(world.agentFile('seen')).toBe('README.md\n')
    expect((await world.steps())['safe.catch.told']?.status).toBe('done')
  })

  it('time goes on while a person is asked and while a timer waits; a late answer is refused', async () => {
    const slow = (inner: object) => [{ id: 'slow', type: 'try', timeout: '8s', states: [inner] }]
    start().flow(slow({ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }))
    expect((await world.run()).code).toBe(4)
    const asked = Date.now()
    const { checkpoints } = await world.json<{ checkpoints: { id: string }[] }>(['checkpoints'])
    await world.until(() => Date.now() > asked + 8000)
    const resumed = await world.belay(['resume', '--json'])
    expect(finished(resumed).reason?.code).toBe('step_timeout')
    const late = await world.belay(['answer', checkpoints[0]?.id ?? '', 'approve', '--json'])
    expect(late.code).toBe(2)
    world.flow(slow({ id: 'pause', type: 'timer', duration: '1h' }))
    expect(finished(await world.run('--json')).reason?.code).toBe('step_timeout')
  })

  it('the outermost limit ends what is inside, whatever limits that has', async () => {
    start({ hang: [{ hang: true }] }).flow([
      {
        id: 'outer',
        type: 'try',
        timeout: '10s',
        states: [
          {
            id: 'inner',
            type: 'foreach',
            items: [1],
            timeout: '1h',
            retry: { max_attempts: 5 },
            states: [agent('hang')],
          },
        ],
        finally: { states: [agent('never')] },
      },
    ])
    const result = await world.run('--json')
    expect(finished(result).reason?.message).toBe('step outer: it was not done in 10s')
    expect(world.asked()).toEqual(['outer.try.inner.0.hang'])
  })

  it('of the workflow: all is given up, what was done is kept, and the exit status is 3', async () => {
    start({ first: [{ files: { 'first.txt': '1' } }], hang: [{ hang: true }] })
    world.flow([agent('first'), agent('hang'), agent('after')], { timeout: LONG_ENOUGH })
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(3)
    const { status, reason, finish_command: command } = finished(result)
    expect({ status, reason }).toEqual({
      status: 'cancelled',
      reason: { code: 'workflow_timeout', message: `the workflow was not done in ${LONG_ENOUGH}` },
    })
    expect(agentsLeft()).toBe('')
    world.git(...(command ?? '').split(' ').slice(1))
    expect(world.read('first.txt')).toBe('1')
    expect((await world.belay(['resume'])).stdout).toContain('Nothing to resume')
  })

  it('of the workflow: in time is in time, and a killed Belay does not stop the clock', async () => {
    start().flow([agent('one')], { timeout: '5m' })
    expect((await world.run()).code).toBe(0)
    world.turns({ two: [{ hang: true }] }).flow([agent('two')], { timeout: LONG_ENOUGH })
    const child = world.start(['workflow', 'run', world.file])
    const gone = collect(child)
    await world.until(() => world.asked().includes('two'))
    child.kill('SIGKILL')
    await gone
    const { run } = await world.json<{ run: { created_at: string } }>(['status'])
    const over = Date.parse(run.created_at) + parseInt(LONG_ENOUGH) * 1000
    await world.until(() => Date.now() > over)
    const resumed = await world.belay(['resume', '--json'])
    expect(finished(resumed)).toMatchObject({ status: 'cancelled', reason: { code: 'workflow_timeout' } })
    expect(world.asked()).toEqual(['one', 'two'])
  })
})

describe('retry', () => {
  it('foreach: begins anew with steps of its own, and what a failed try left is gone', async () => {
    start({ do: [{ files: { 'left.txt': 'x' } }], fail: [FAIL, {}], after: [{ sh: 'ls > "$AGENT_FOLDER/seen"' }] })
    world.turns({
      'each.0.do': [{ files: { 'left.txt': 'x' } }],
      'each.0.fail': [FAIL],
      after: [{ sh: 'ls > "$AGENT_FOLDER/seen"' }],
    })
    world.flow([
      {
        id: 'each',
        type: 'foreach',
        items: ['a', 'b'],
        retry: { max_attempts: 2, backoff: '10ms' },
        states: [agent('do', { prompt: '${item} ${index}' }), agent('fail')],
      },
      agent('after'),
    ])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(world.asked()).toEqual([
      'each.0.do',
      'each.0.fail',
      'each.0@2.do',
      'each.0@2.fail',
      'each.1@2.do',
      'each.1@2.fail',
      'after',
    ])
    expect(world.prompt('each.1@2.do')).toContain('b 1')
    expect(world.prompt('each.0@2.do')).not.toContain('Step each.0.do')
    expect(world.agentFile('seen')).toBe('README.md\n')
  })

  it.each([
    [
      'parallel',
      { id: 's', type: 'parallel', branches: { a: { states: [agent('do')] }, b: { states: [agent('ok')] } } },
    ],
    ['try', { id: 's', type: 'try', states: [agent('do')], finally: { states: [agent('tidy')] } }],
  ])('%s: as often as it says, then it is given up', async (_, state) => {
    start({ do: [FAIL] }).flow([{ ...state, retry: { max_attempts: 3, backoff: '10ms' } }])
    const result = await world.run('--json')
    expect(result.code).toBe(3)
    expect(world.asked().filter((handle) => handle.endsWith('.do'))).toHaveLength(3)
    expect(finished(result).reason?.code).toBe('agent_failed')
  })

  it('only for the codes that it names; a merge conflict and a timeout are such', async () => {
    start({ do: [FAIL] }).flow([
      { id: 'each', type: 'foreach', items: [1], retry: { max_attempts: 3, on: ['no_case'] }, states: [agent('do')] },
    ])
    expect((await world.run()).code).toBe(3)
    expect(world.asked()).toHaveLength(1)
    world.turns({
      'both.a.left': [{ files: { 'README.md': 'l\n' } }],
      'both.b.right': [{ files: { 'README.md': 'r\n' } }],
      'slow.0.hang': [{ hang: true }],
    })
    world.flow([
      {
        id: 'both',
        type: 'parallel',
        retry: { max_attempts: 2, backoff: '10ms', on: ['merge_conflict'] },
        branches: { a: { states: [agent('left')] }, b: { states: [agent('right')] } },
      },
      {
        id: 'slow',
        type: 'foreach',
        items: [1],
        timeout: LONG_ENOUGH,
        retry: { max_attempts: 2, backoff: '10ms', on: ['step_timeout'] },
        states: [agent('hang')],
      },
    ])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(Object.keys(await world.steps())).toEqual([
      'both',
      'both.a.left',
      'both.b.right',
      'both.a@2.left',
      'both.b@2.right',
      'slow',
      'slow.0.hang',
      'slow.0@2.hang',
    ])
  })
})

describe('max_steps', () => {
  const inner = [agent('do'), { id: 'sum', type: 'transform', value: '${item}' }]
  const each = { id: 'each', type: 'foreach', items: '${input.n}', states: inner }
  const input = { type: 'object', properties: { n: { type: 'array' } } }

  it('that the items of a loop cannot keep are told before the first of them begins', async () => {
    start().flow([agent('first'), each, agent('last')], { input, max_steps: 8 })
    const refused = await world.run('--set', 'n=[1,2,3,4]', '--json')
    expect(refused.code).toBe(1)
    const { error } = JSON.parse(refused.stdout.trimEnd().split('\n').at(-1) ?? '') as { error: unknown }
    expect(error).toMatchObject({
      code: 'too_many_steps',
      message: 'the 4 items of each come to at least 8 steps',
      expected: 'at most 8 steps (max_steps), of which 2 are taken',
      received: '10 or more',
    })
    expect(world.asked()).toEqual(['first'])
    // As many as there is room for are no fault of the loop's; what follows it is told when it is reached.
    const full = await world.run('--set', 'n=[1,2,3]', '--json')
    expect(full.stdout).toContain('"message":"the workflow has come to more than 8 steps"')
    expect(world.asked().slice(1)).toEqual(['first', 'each.0.do', 'each.1.do', 'each.2.do'])
    expect((await world.run('--set', 'n=[1,2]', '--json')).code).toBe(0)
  })

  it('count the tries of a loop before', async () => {
    start({ do: [{ error: { code: 'failed', message: 'no way' } }] })
    world.flow([{ ...each, retry: { max_attempts: 2, backoff: '10ms' } }], { input, max_steps: 5 })
    const refused = await world.run('--set', 'n=[1,2]', '--json')
    expect(refused.code).toBe(1)
    expect(refused.stdout).toContain('of which 2 are taken')
    expect(world.asked()).toEqual(['each.0.do'])
  })
})
