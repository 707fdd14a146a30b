import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  RecordStore,
  beginAttempt,
  findTask,
  listArtifacts,
  listAttempts,
  listCheckpoints,
  pendingDeliveries,
  raiseEpoch,
  readEvents,
} from '../record/index.ts'
import { newTask, storeRun, testHome, type TestHome } from '../record/testing/record.ts'
import { MAX_CRASHES } from './advance.ts'
import { advance, buildProgram, claimTask, type PhaseResult, type RunScope } from './index.ts'
import { phaseOf, scopeOf, takenOver, type Works } from './testing/programs.ts'

const program = buildProgram<Works>('test', 'work', {
  work: phaseOf('work', {
    ok: { to: 'check' },
    ask: { pause: 'waiting', at: 'check' },
    later: { pause: 'suspended', at: 'work' },
    stuck: { end: 'blocked' },
  }),
  check: phaseOf('check', { passed: { end: 'done' }, failed: { to: 'work' } }),
})

const calm = new AbortController().signal

let home: TestHome
let record: RecordStore
let scope: RunScope

beforeEach(async () => {
  home = testHome()
  record = RecordStore.open(home.path)
  await storeRun(record, [newTask('a'), newTask('b')])
  scope = await scopeOf(record)
})

afterEach(async () => {
  await record.close()
  home[Symbol.dispose]()
})

function works(work: Partial<Record<'work' | 'check', PhaseResult | (() => Promise<PhaseResult>)>>): Works {
  return Object.fromEntries(
    Object.entries(work).map(([name, result]) => [
      name,
      typeof result === 'function' ? result : () => Promise.resolve(result),
    ]),
  )
}

const task = async (handle = 'a') => (await findTask(record.read, 'r1', handle)) ?? expect.fail(`no task ${handle}`)
const types = async () => (await readEvents(record.read)).map((event) => event.type)

describe('claimTask', () => {
  it('raises the epoch and begins at the entry', async () => {
    const claim = await claimTask(scope, program, 'a')
    expect(claim.epoch).toBe(1)
    expect(await task()).toMatchObject({ status: 'running', phase: 'work', epoch: 1, crashes: 0 })
    expect(await readEvents(record.read, { task: 'a' })).toMatchObject([
      { type: 'task.started', data: { phase: 'work', epoch: 1, crashed: false } },
    ])
  })

  it('of a task that was running counts a crash', async () => {
    await claimTask(scope, program, 'a')
    const again = await claimTask(scope, program, 'a')
    expect(again.epoch).toBe(2)
    expect(await task()).toMatchObject({ status: 'running', crashes: 1 })
    expect((await readEvents(record.read, { task: 'a' })).at(-1)).toMatchObject({
      type: 'task.resumed',
      data: { crashed: true },
    })
  })

  it('needs the lease, and writes nothing without it', async () => {
    await takenOver(record, scope)
    await expect(claimTask(scope, program, 'a')).rejects.toMatchObject({ code: 'lease_lost' })
    expect(await task()).toMatchObject({ status: 'queued', epoch: 0 })
    expect(await types()).toEqual(['run.started'])
  })

  it('refuses a task that has ended, as one that was taken away', async () => {
    const claim = await claimTask(scope, program, 'a')
    await advance(claim, program, works({ work: { outcome: 'stuck' } }), calm)
    await expect(claimTask(scope, program, 'a')).rejects.toMatchObject({ code: 'lease_lost' })
    await expect(claimTask(scope, program, 'nobody')).rejects.toThrow('no task')
  })
})

describe('advance', () => {
  it('stores all that a phase came to, together', async () => {
    const claim = await claimTask(scope, program, 'a')
    await record.write((tx) => beginAttempt(tx, 'r1', 'a', 1, record.now()))
    const step = await advance(
      claim,
      program,
      works({
        work: {
          outcome: 'ask',
          reason: { code: 'asked', message: 'a person has to say' },
          state: { seen: 1 },
          change: { attempt: 1, branch: 'b1', faults: 2 },
          artifacts: [{ kind: 'thing', data: { a: 1 } }],
          events: [{ type: 'extra', data: { b: 2 } }],
          checkpoint: { kind: 'k', question: 'Well?', options: ['yes', 'no'], context: {} },
          deliveries: [{ key: 'd1', kind: 'notify', payload: { c: 3 } }],
          attemptOutcome: 'asked',
          attemptSession: 's-1',
        },
      }),
      calm,
    )
    expect(step).toEqual({ phase: 'work', outcome: 'ask', status: 'waiting' })
    expect(await task()).toMatchObject({
      status: 'waiting',
      phase: 'check',
      attempt: 1,
      branch: 'b1',
      faults: 2,
      state: { seen: 1 },
      reason: { code: 'asked', message: 'a person has to say' },
    })
    expect(await listArtifacts(record.read, 'r1', 'a')).toMatchObject([{ kind: 'thing', phase: 'work', attempt: 1 }])
    expect(await listAttempts(record.read, 'r1', 'a')).toMatchObject([{ n: 1, outcome: 'asked', session: 's-1' }])
    const [asked] = await listCheckpoints(record.read, { open: true })
    expect(asked).toMatchObject({ task: 'a', question: 'Well?', options: ['yes', 'no'] })
    expect(await pendingDeliveries(record, 'r1')).toMatchObject([{ key: 'd1', payload: { c: 3 } }])
    expect((await readEvents(record.read, { task: 'a' })).slice(1)).toMatchObject([
      { type: 'extra', data: { b: 2 } },
      { type: 'checkpoint.opened', data: { id: asked?.id } },
      { type: 'task.waiting', data: { phase: 'work', outcome: 'ask', next: 'check', reason: { code: 'asked' } } },
    ])
  })

  it('stores nothing when any part of it cannot be stored', async () => {
    const claim = await claimTask(scope, program, 'a')
    const before = [await task(), await types()]
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const failing = works({
      work: {
        outcome: 'ok',
        artifacts: [{ kind: 'thing', data: 1 }],
        change: { attempt: 1 },
        events: [{ type: 'extra', data: circle }],
      },
    })
    await expect(advance(claim, program, failing, calm)).rejects.toThrow(/circular/)
    expect([await task(), await types()]).toEqual(before)
    expect(await listArtifacts(record.read, 'r1', 'a')).toEqual([])
  })

  it('goes to the end, and ends open questions with their asker', async () => {
    const claim = await claimTask(scope, program, 'a')
    const question = { kind: 'k', question: 'Well?', options: ['yes'], context: {} }
    await advance(claim, program, works({ work: { outcome: 'ask', checkpoint: question } }), calm)
    const next = await claimTask(scope, program, 'a')
    const end = await advance(next, program, works({ check: { outcome: 'passed', change: { commit: 'c1' } } }), calm)
    expect(end.status).toBe('done')
    expect(await task()).toMatchObject({ status: 'done', phase: 'check', commit: 'c1', crashes: 0 })
    expect(await listCheckpoints(record.read, { open: true })).toEqual([])
    expect(await listCheckpoints(record.read, {})).toMatchObject([{ status: 'cancelled' }])
  })

  it('of an outcome that the phase does not declare stores nothing', async () => {
    const claim = await claimTask(scope, program, 'a')
    await expect(advance(claim, program, works({ work: { outcome: 'toString' } }), calm)).rejects.toThrow(
      'came to "toString", which program "test" does not know',
    )
    expect(await task()).toMatchObject({ status: 'running', phase: 'work' })
  })

  it('of a phase that throws leaves the task at its phase', async () => {
    const claim = await claimTask(scope, program, 'a')
    const before = await types()
    await expect(
      advance(claim, program, works({ work: () => Promise.reject(new Error('no disk')) }), calm),
    ).rejects.toThrow('no disk')
    expect(await task()).toMatchObject({ status: 'running', phase: 'work', attempt: 0 })
    expect(await types()).toEqual(before)
  })

  it('of a phase that a newer version had names the phases that there are', async () => {
    const claim = await claimTask(scope, program, 'a')
    await record.write((tx) => tx.updateTable('tasks').set({ phase: 'future' }).where('handle', '=', 'a').execute())
    await expect(advance(claim, program, {}, calm)).rejects.toMatchObject({
      code: 'unknown_phase',
      expected: 'work, check',
      received: 'future',
    })
  })

  it('hands on events at once, and only while the task is ours', async () => {
    const claim = await claimTask(scope, program, 'a')
    const said: string[] = []
    const services: Works = {
      async work({ emit }) {
        await emit([{ type: 'item.message', data: { text: 'hello' } }])
        said.push(...(await types()))
        await record.write((tx) => raiseEpoch(tx, 'r1', 'a'))
        await expect(emit([{ type: 'item.message', data: { text: 'too late' } }])).rejects.toMatchObject({
          code: 'lease_lost',
        })
        return { outcome: 'ok' }
      },
    }
    await expect(advance(claim, program, services, calm)).rejects.toMatchObject({ code: 'lease_lost' })
    expect(said).toContain('item.message')
    expect((await types()).filter((type) => type === 'item.message')).toHaveLength(1)
  })

  it('writes nothing for who was overtaken: by epoch or by lease', async () => {
    const stale = await claimTask(scope, program, 'a')
    const fresh = await claimTask(scope, program, 'a')
    const before = await types()
    await expect(advance(stale, program, works({ work: { outcome: 'ok' } }), calm)).rejects.toMatchObject({
      code: 'lease_lost',
    })
    await takenOver(record, scope)
    await expect(advance(fresh, program, works({ work: { outcome: 'ok' } }), calm)).rejects.toMatchObject({
      code: 'lease_lost',
    })
    expect(await types()).toEqual(before)
    expect(await task()).toMatchObject({ phase: 'work', status: 'running' })
  })

  it('aborts a phase that outlives its deadline, and says so', async () => {
    const slow = buildProgram<Works>('slow', 'work', { work: phaseOf('work', { ok: { end: 'done' } }, 20) })
    const claim = await claimTask(scope, slow, 'a')
    const services: Works = {
      work: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    }
    await expect(advance(claim, slow, services, calm)).rejects.toMatchObject({
      code: 'phase_deadline',
      message: expect.stringContaining('"work"'),
    })
    expect(await task()).toMatchObject({ status: 'running', phase: 'work' })
  })

  it('gives a phase whose deadline is far away all of its time', async () => {
    const far = buildProgram<Works>('far', 'work', { work: phaseOf('work', { ok: { end: 'done' } }, 2 ** 40) })
    const claim = await claimTask(scope, far, 'a')
    const services: Works = {
      async work({ signal }) {
        await new Promise((resolve) => setTimeout(resolve, 30))
        return signal.aborted ? Promise.reject(signal.reason as Error) : { outcome: 'ok' }
      },
    }
    expect((await advance(claim, far, services, calm)).status).toBe('done')
  })

  it('tells an interrupt from a deadline', async () => {
    const claim = await claimTask(scope, program, 'a')
    const stop = new AbortController()
    const services: Works = {
      work: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
          stop.abort(new Error('interrupted'))
        }),
    }
    await expect(advance(claim, program, services, stop.signal)).rejects.toThrow('interrupted')
  })

  it('blocks a task whose phase kills Belay again and again; a step forward begins the count anew', async () => {
    let claim = await claimTask(scope, program, 'a')
    for (let crash = 0; crash < MAX_CRASHES; crash++) claim = await claimTask(scope, program, 'a')
    expect((await advance(claim, program, works({ work: { outcome: 'ok' } }), calm)).status).toBe('running')
    expect((await task()).crashes).toBe(0)
    for (let crash = 0; crash <= MAX_CRASHES; crash++) claim = await claimTask(scope, program, 'a')
    const step = await advance(claim, program, {}, calm)
    expect(step).toEqual({ phase: 'check', outcome: 'crash_loop', status: 'blocked' })
    expect((await task()).reason).toMatchObject({ code: 'crash_loop' })
  })

  it('queues what the run wants told of every step, once per key', async () => {
    const telling: RunScope = {
      ...scope,
      deliveries: ({ phase, status, epoch }) => [
        { key: `${phase}-${status}-${epoch}`, kind: 'tell', payload: { phase } },
      ],
    }
    const claim = await claimTask(telling, program, 'a')
    await advance(claim, program, works({ work: { outcome: 'ok' } }), calm)
    await advance(claim, program, works({ check: { outcome: 'failed' } }), calm)
    await advance(claim, program, works({ work: { outcome: 'ok' } }), calm)
    expect((await pendingDeliveries(record, 'r1')).map((one) => one.key)).toEqual(['work-running-1', 'check-running-1'])
  })
})
