import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  buildProgram,
  type Claim,
  type Phase,
  type PhaseContext,
  type PhaseResult,
  type Step,
} from '../kernel/index.ts'
import {
  RecordStore,
  changeTask,
  findTask,
  keepRenewing,
  listTasks,
  raiseEpoch,
  readEvents,
  takeLease,
  type Lease,
  type NewTask,
} from '../record/index.ts'
import { newTask, storeRun, testHome, type TestHome } from '../record/testing/record.ts'
import { runTasks, type LoopOptions } from './loop.ts'

type Context = PhaseContext<Work>
/** What the only phase does for each task. */
type Work = (context: Context) => Promise<PhaseResult>

const phase: Phase<Work> = {
  does: 'what the test says',
  deadlineMs: () => 60_000,
  run: (context) => context.services(context),
  on: {
    done: { end: 'done' },
    stuck: { end: 'blocked' },
    again: { to: 'work' },
    queue: { pause: 'queued', at: 'work' },
    later: { pause: 'suspended', at: 'work' },
    ask: { pause: 'waiting', at: 'work' },
  },
}
const program = buildProgram<Work>('test', 'work', { work: phase })

let home: TestHome
let record: RecordStore
let lease: Lease

beforeEach(() => {
  home = testHome()
  record = RecordStore.open(home.path)
})

afterEach(async () => {
  await record.close()
  home[Symbol.dispose]()
})

interface Ran {
  readonly steps: string[]
  readonly claims: string[]
  readonly taken: string[]
}

async function store(...tasks: readonly NewTask[]): Promise<void> {
  await storeRun(record, tasks)
  lease = await takeLease(record, 'run:r1', 'run r1')
}

function after(handle: string, ...dependsOn: readonly string[]): NewTask {
  return newTask(handle, {
    definition: {
      dependsOn: dependsOn.map((one) => ({ handle: one, kind: 'explicit' })),
      criteria: [],
      subject: handle,
    },
  })
}

/** Starts the loop; `ran` is filled while it runs. */
function begin(work: Work, more: Partial<LoopOptions<Work>> = {}): { ran: Ran; ended: Promise<void> } {
  const ran: Ran = { steps: [], claims: [], taken: [] }
  const ended = runTasks<Work>({
    scope: { record, project: 'p1', run: 'r1', lease },
    program,
    services: work,
    until: null,
    keepGoing: false,
    concurrency: 2,
    noWait: false,
    leases: [lease],
    lost: new AbortController().signal,
    signal: new AbortController().signal,
    claimed: async ({ handle }: Claim) => void ran.claims.push(handle),
    stepped: async (handle: string, { outcome }: Step) => void ran.steps.push(`${handle} ${outcome}`),
    taken: async (handle) => void ran.taken.push(handle),
    ...more,
  })
  // The test awaits it later.
  ended.catch(() => {})
  return { ran, ended }
}

async function run(work: Work, more: Partial<LoopOptions<Work>> = {}): Promise<Ran> {
  const { ran, ended } = begin(work, more)
  await ended
  return ran
}

const statuses = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await listTasks(record.read, 'r1')).map((task) => [task.handle, task.status]))

/** A promise, and the function that resolves it. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}

/** Work that ends only when its signal aborts. */
function untilAborted({ signal }: Context): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
}

const done: PhaseResult = { outcome: 'done' }

describe('runTasks', () => {
  it('runs every task to its end, in the order of their dependencies', async () => {
    await store(after('c', 'a', 'b'), after('a'), after('b', 'a'))
    const ran = await run(async () => done)
    expect(ran.steps).toEqual(['a done', 'b done', 'c done'])
    expect(ran.claims).toEqual(['a', 'b', 'c'])
    expect(await statuses()).toEqual({ a: 'done', b: 'done', c: 'done' })
  })

  it('runs as many beside each other as it may, and no more', async () => {
    await store(...['a', 'b', 'c', 'd', 'e'].map((handle) => newTask(handle)))
    const full = Promise.withResolvers<void>()
    let [now, most] = [0, 0]
    await run(
      async () => {
        now += 1
        most = Math.max(most, now)
        if (now === 3) full.resolve()
        await full.promise
        // Any excess task would have begun by now.
        await new Promise((resolve) => setTimeout(resolve, 20))
        now -= 1
        return done
      },
      { concurrency: 3 },
    )
    expect(most).toBe(3)
  })

  it('returns when only people can move it on, and goes on after an answer', async () => {
    await store(newTask('a'), newTask('b'))
    const asked = await run(async ({ task }) => (task.handle === 'a' ? { outcome: 'ask' } : done))
    expect(asked.steps.toSorted((a, b) => a.localeCompare(b))).toEqual(['a ask', 'b done'])
    await record.write((tx) => changeTask(tx, 'r1', 'a', record.now(), { status: 'queued' }))
    await run(async () => done)
    expect(await statuses()).toEqual({ a: 'done', b: 'done' })
  })

  it('starts a task that another process queued while one of its own works', async () => {
    await store(newTask('a', { status: 'waiting' }), newTask('b'))
    const answered = gate()
    const { ended } = begin(async ({ task }) => {
      if (task.handle === 'a') answered.open()
      else {
        await record.write((tx) => changeTask(tx, 'r1', 'a', record.now(), { status: 'queued' }))
        await answered.passed
      }
      return done
    })
    await ended
    expect(await statuses()).toEqual({ a: 'done', b: 'done' })
  })

  it('waits for the time that a suspended task names', async () => {
    await store(newTask('a'))
    let tries = 0
    const started = Date.now()
    await run(async () => {
      tries += 1
      return tries > 1 ? done : { outcome: 'later', change: { wakeAt: new Date(Date.now() + 120).toISOString() } }
    })
    expect(Date.now() - started).toBeGreaterThanOrEqual(118)
    expect(tries).toBe(2)
  })

  it('leaves a quota to others when it is not to wait; a short pause after a fault is waited for all the same', async () => {
    await store(newTask('a'), newTask('b'))
    const wakeAt = new Date(Date.now() + 3_600_000).toISOString()
    let faults = 0
    await run(
      async ({ task }) => {
        if (task.handle === 'a')
          return { outcome: 'later', reason: { code: 'agent_quota', message: 'x' }, change: { wakeAt } }
        faults += 1
        if (faults > 1) return done
        const soon = new Date(Date.now() + 60).toISOString()
        return { outcome: 'later', reason: { code: 'agent_failed', message: 'x' }, change: { wakeAt: soon } }
      },
      { noWait: true },
    )
    expect(await statuses()).toEqual({ a: 'suspended', b: 'done' })
  })

  it('marks what depends on a blocked task, and queues it again when that is mended', async () => {
    await store(after('a'), after('b', 'a'), after('c'))
    await run(async ({ task }) => (task.handle === 'a' ? { outcome: 'stuck' } : done))
    expect(await statuses()).toEqual({ a: 'blocked', b: 'skipped', c: 'done' })
    expect((await findTask(record.read, 'r1', 'b'))?.reason).toMatchObject({ code: 'dependency' })
    await record.write((tx) => changeTask(tx, 'r1', 'a', record.now(), { status: 'queued' }))
    await run(async () => done)
    expect(await statuses()).toEqual({ a: 'done', b: 'done', c: 'done' })
  })

  it('ends a task that does not get on', async () => {
    await store(newTask('a'))
    const { ended } = begin(async () => ({ outcome: 'queue' }))
    await expect(ended).rejects.toMatchObject({
      code: 'no_progress',
      message: expect.stringContaining('"queue" 4 times'),
    })
    expect(await statuses()).toEqual({ a: 'queued' })
  })

  it('lets a task come back as often as it gets on', async () => {
    await store(newTask('a'))
    let turns = 0
    await run(async () => {
      turns += 1
      return turns > 8 ? done : { outcome: 'queue', state: { turns } }
    })
    expect(await statuses()).toEqual({ a: 'done' })
  })
})

describe('a failure of one task', () => {
  it('interrupts the others, leaves all ready to go on, and is thrown when nothing runs any more', async () => {
    await store(newTask('a'), newTask('b'), newTask('c'))
    const works = gate()
    let ends = 0
    const { ran, ended } = begin(async (context) => {
      if (context.task.handle === 'b') {
        works.open()
        return untilAborted(context).finally(() => {
          ends += 1
        })
      }
      await works.passed
      throw new Error('a bug')
    })
    await expect(ended).rejects.toThrow('a bug')
    expect(ends).toBe(1)
    expect(ran.steps).toEqual([])
    expect(await statuses()).toEqual({ a: 'queued', b: 'queued', c: 'queued' })
    // An orderly end does not count as a crash.
    expect((await listTasks(record.read, 'r1')).map((task) => task.crashes)).toEqual([0, 0, 0])
    await run(async () => done)
    expect(await statuses()).toEqual({ a: 'done', b: 'done', c: 'done' })
  })

  it('outside of its phase (a fence, a step told of) is one too', async () => {
    await store(newTask('a'))
    const fence = begin(async () => done, { claimed: () => Promise.reject(new Error('no fence')) })
    await expect(fence.ended).rejects.toThrow('no fence')
    expect(await statuses()).toEqual({ a: 'queued' })
    const told = begin(async () => done, { stepped: () => Promise.reject(new Error('not told')) })
    await expect(told.ended).rejects.toThrow('not told')
    expect(await statuses()).toEqual({ a: 'done' })
  })

  it('of the loop itself ends what runs before it is thrown', async () => {
    await store(newTask('a'), newTask('b', { status: 'waiting' }))
    const works = gate()
    let running = true
    const { ended } = begin(async (context) => {
      works.open()
      return untilAborted(context).finally(() => {
        running = false
      })
    })
    await works.passed
    // The next read of the tasks hits this row.
    await record.write((tx) => tx.updateTable('tasks').set({ definition: '{' }).where('handle', '=', 'b').execute())
    await expect(ended).rejects.toThrow(/JSON/)
    expect(running).toBe(false)
  })
})

describe('an interrupt', () => {
  it('ends what runs, keeps its phase, and returns normally', async () => {
    await store(newTask('a'), newTask('b'), newTask('c'))
    const stop = new AbortController()
    const { ran, ended } = begin(
      async (context) => {
        if (context.task.handle === 'b') stop.abort(new Error('interrupted'))
        return untilAborted(context)
      },
      { signal: stop.signal },
    )
    await ended
    expect(ran.claims).toEqual(['a', 'b'])
    expect(await statuses()).toEqual({ a: 'queued', b: 'queued', c: 'queued' })
    const events = await readEvents(record.read, { task: 'a' })
    expect(events.at(-1)).toMatchObject({ type: 'task.phase', data: { outcome: 'interrupted', next: 'work' } })
    await run(async () => done)
    expect((await listTasks(record.read, 'r1')).map((task) => task.crashes)).toEqual([0, 0, 0])
  })

  it('of a loop that only waits for a time ends it at once', async () => {
    await store(newTask('a'))
    const stop = new AbortController()
    const { ended } = begin(
      async () => ({ outcome: 'later', change: { wakeAt: new Date(Date.now() + 3_600_000).toISOString() } }),
      { signal: stop.signal, stepped: async () => void setTimeout(() => stop.abort(new Error('interrupted')), 20) },
    )
    await ended
    expect(await statuses()).toEqual({ a: 'suspended' })
  })

  it('before the first step starts nothing', async () => {
    await store(newTask('a'))
    const ran = await run(async () => done, { signal: AbortSignal.abort(new Error('interrupted')) })
    expect(ran.claims).toEqual([])
  })
})

describe('what others do meanwhile', () => {
  it('a task that is taken away stops alone', async () => {
    await store(newTask('a'), newTask('b'))
    const works = gate()
    const ended = gate()
    const { ran, ended: loop } = begin(async (context) => {
      if (context.task.handle === 'b') {
        await ended.passed
        return done
      }
      works.open()
      return untilAborted(context).finally(ended.open)
    })
    await works.passed
    await record.write(async (tx) => {
      await raiseEpoch(tx, 'r1', 'a')
      await changeTask(tx, 'r1', 'a', record.now(), { status: 'cancelled' })
    })
    await loop
    expect(ran.taken).toEqual(['a'])
    expect(await statuses()).toEqual({ a: 'cancelled', b: 'done' })
  })

  it('a lease that is lost ends everything with lease_lost and writes no more', async () => {
    await store(newTask('a'), newTask('b'))
    const works = gate()
    const renewal = keepRenewing(record, [lease], 5)
    const { ended } = begin(
      (context) => {
        works.open()
        return untilAborted(context)
      },
      { lost: renewal.lost },
    )
    await works.passed
    await record.write((tx) => tx.updateTable('leases').set({ token: 'another' }).execute())
    await expect(ended).rejects.toMatchObject({ code: 'lease_lost' })
    await renewal.stop()
    // Still running, as the new holder finds it, so that it counts as a crash.
    expect(Object.values(await statuses())).toContain('running')
    expect((await readEvents(record.read)).some((event) => event.data['outcome'] === 'interrupted')).toBe(false)
  })

  it('a lease that was lost before it began keeps it from beginning', async () => {
    await store(newTask('a'))
    await record.write((tx) => tx.updateTable('leases').set({ token: 'another' }).execute())
    const { ran, ended } = begin(async () => done)
    await expect(ended).rejects.toMatchObject({ code: 'lease_lost' })
    expect(ran.claims).toEqual([])
    expect(await statuses()).toEqual({ a: 'queued' })
  })
})
