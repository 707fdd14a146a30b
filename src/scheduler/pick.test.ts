import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TASK_STATUSES, type TaskStatus } from '../core/words.ts'
import { withAncestors } from './graph.ts'
import { pick, type PickOptions, type PickTask } from './pick.ts'
import { graphs } from './testing/graphs.ts'

const NOW = 1_000

/** `'c blocked a! b'`: c is blocked, and depends on a explicitly and on b by order. */
const list = (...lines: string[]): PickTask[] =>
  lines.map((line) => {
    const [handle = '', word = '', ...rest] = line.split(' ')
    const [status = '', at] = word.split('@')
    return {
      handle,
      status: (status === 'ticked' ? 'queued' : status) as TaskStatus,
      ticked: status === 'ticked',
      wakeAt: at === undefined ? null : Number(at),
      dependsOn: rest.map((other) => ({
        handle: other.replace('!', ''),
        kind: other.endsWith('!') ? ('explicit' as const) : ('order' as const),
      })),
    }
  })

const go = (tasks: PickTask[], options: Partial<PickOptions> = {}) =>
  pick(tasks, { until: null, keepGoing: false, concurrency: 1, running: new Set(), now: NOW, ...options })

describe('start', () => {
  it('takes the first in file order whose dependencies are done, and ticked is done', () => {
    expect(go(list('a ticked', 'b blocked', 'c queued a', 'd queued'))).toMatchObject({
      start: ['c'],
      state: 'working',
    })
    expect(go(list('a queued b', 'b queued'))).toMatchObject({ start: ['b'] })
    expect(go(list('a blocked', 'b done a')).state).toBe('finished')
  })

  it('fills the free places and no more', () => {
    const tasks = list('a running', 'b queued', 'c queued', 'd queued')
    expect(go(tasks, { concurrency: 3, running: new Set(['a']) }).start).toEqual(['b', 'c'])
    expect(go(tasks, { concurrency: 1, running: new Set(['a']) })).toMatchObject({ start: [], state: 'working' })
    expect(go(tasks, { concurrency: 0 }).start).toEqual(['a'])
  })

  it('prefers the lowest rank, and file order within it', () => {
    const ranked = list('a queued', 'b suspended@999', 'c queued', 'd queued').map((task, i) => ({
      ...task,
      rank: [2, 1, 0, 0][i] ?? 0,
    }))
    expect(go(ranked, { concurrency: 3 }).start).toEqual(['c', 'd', 'b'])
  })

  it('goes on with a task whose process died, when it still may', () => {
    expect(go(list('a running', 'b queued a')).start).toEqual(['a'])
    expect(go(list('a queued', 'b running a')).start).toEqual(['a'])
  })

  it('never hands out replan, blocked, cancelled or waiting', () => {
    expect(go(list('a replan', 'b blocked', 'c cancelled'))).toEqual({
      start: [],
      skip: [],
      requeue: [],
      state: 'finished',
      wakeAt: null,
    })
    expect(go(list('a waiting', 'b queued a'))).toMatchObject({ start: [], skip: [], state: 'waiting' })
  })
})

describe('suspended', () => {
  it('wakes at its time, and until then is no progress', () => {
    expect(go(list('a suspended@1001', 'b queued a'))).toMatchObject({ start: [], state: 'asleep', wakeAt: 1001 })
    expect(go(list('a suspended@1000', 'b queued a'))).toMatchObject({ start: ['a'], state: 'working', wakeAt: null })
    expect(go(list('a suspended@3000', 'b suspended@2000', 'c waiting'))).toMatchObject({
      state: 'asleep',
      wakeAt: 2000,
    })
  })

  it('lets others go on, and says when to look again', () => {
    expect(go(list('a suspended@2000', 'b queued'))).toMatchObject({ start: ['b'], state: 'working', wakeAt: 2000 })
  })

  it('without a time waits for somebody', () => {
    expect(go(list('a suspended', 'b queued a'))).toMatchObject({ start: [], state: 'suspended', wakeAt: null })
    expect(go(list('a suspended', 'b waiting'))).toMatchObject({ state: 'waiting' })
  })

  it('does not wake before its dependencies are done again', () => {
    expect(go(list('a queued', 'b suspended@1 a')).start).toEqual(['a'])
    expect(go(list('a blocked', 'b suspended@1 a')).skip).toEqual([{ handle: 'b', because: 'a' }])
  })
})

describe('blocked and replan', () => {
  it('skip what depends on them, directly or not, and name the cause', () => {
    expect(go(list('a blocked', 'b queued a', 'c queued b', 'd replan', 'e queued d', 'f queued'))).toMatchObject({
      start: ['f'],
      skip: [
        { handle: 'b', because: 'a' },
        { handle: 'c', because: 'a' },
        { handle: 'e', because: 'd' },
      ],
    })
    expect(go(list('a blocked', 'b skipped a', 'c skipped b'))).toMatchObject({
      skip: [],
      requeue: [],
      state: 'finished',
    })
  })

  it('queue it again when they are mended', () => {
    expect(go(list('a queued', 'b skipped a', 'c skipped b'))).toMatchObject({ start: ['a'], requeue: ['b', 'c'] })
    expect(go(list('a ticked', 'b skipped a'))).toMatchObject({ start: [], requeue: ['b'], state: 'working' })
    expect(go(list('a queued', 'b blocked', 'c skipped a b')).requeue).toEqual([])
  })
})

describe('keepGoing', () => {
  const keep = (tasks: PickTask[], options: Partial<PickOptions> = {}) => go(tasks, { keepGoing: true, ...options })

  it('holds back only what names the blocked task', () => {
    const tasks = list('a blocked', 'b queued a', 'c queued b a!', 'd queued c')
    expect(keep(tasks)).toMatchObject({ start: ['b'], skip: [{ handle: 'c', because: 'a' }] })
    expect(keep(list('a blocked', 'b done a', 'c skipped b a!', 'd queued c')).start).toEqual(['d'])
    expect(keep(list('a blocked', 'b skipped a')).requeue).toEqual(['b'])
  })

  it('goes past what waits for a person or sleeps', () => {
    expect(keep(list('a waiting', 'b queued a')).start).toEqual(['b'])
    expect(keep(list('a suspended@2000', 'b queued a'))).toMatchObject({ start: ['b'], wakeAt: 2000 })
    expect(keep(list('a waiting', 'b queued a!', 'c queued b')).start).toEqual(['c'])
  })

  it('still runs nothing beside what it follows', () => {
    const running = new Set(['a'])
    expect(keep(list('a running', 'b queued a', 'c queued b'), { concurrency: 9, running }).start).toEqual([])
    expect(keep(list('a queued', 'b queued a', 'c queued b'), { concurrency: 9 }).start).toEqual(['a'])
    expect(keep(list('a skipped', 'b queued a'))).toMatchObject({ start: [], requeue: ['a'] })
  })
})

describe('until', () => {
  it('is the task and its ancestors', () => {
    const tasks = list('a queued', 'b queued', 'c queued b', 'd queued c', 'e blocked', 'f queued e')
    expect(go(tasks, { until: 'c', concurrency: 9 })).toMatchObject({ start: ['b'], skip: [] })
  })

  it('ends when the task is done, or cannot be', () => {
    expect(go(list('a queued', 'b ticked a', 'c queued'), { until: 'b' })).toMatchObject({
      start: [],
      state: 'finished',
    })
    expect(go(list('a done', 'b blocked a', 'c queued'), { until: 'b' }).state).toBe('finished')
    expect(go(list('a queued'), { until: 'gone' }).state).toBe('finished')
  })

  it('needs the order of the file also when it keeps going', () => {
    expect(go(list('a queued', 'b queued a', 'c queued'), { until: 'b', keepGoing: true }).start).toEqual(['a'])
  })
})

/** How a started task may end, and what people may do meanwhile. */
const OUTCOMES = ['done', 'blocked', 'replan', 'suspended', 'waiting', 'cancelled'] as const

const situations = fc.record({
  graph: graphs(),
  statuses: fc.array(fc.constantFrom(...TASK_STATUSES), { minLength: 12, maxLength: 12 }),
  ticked: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
  wakes: fc.array(fc.option(fc.integer({ min: 0, max: 2 * NOW })), { minLength: 12, maxLength: 12 }),
  until: fc.option(fc.nat()),
  keepGoing: fc.boolean(),
  concurrency: fc.integer({ min: 1, max: 4 }),
  outcomes: fc.infiniteStream(fc.constantFrom(...OUTCOMES)),
})

type Situation = typeof situations extends fc.Arbitrary<infer T> ? T : never

function build(s: Situation, fresh: boolean): { tasks: PickTask[]; options: PickOptions } {
  const tasks = s.graph.map((node, i) => ({
    ...node,
    status: fresh ? ('queued' as const) : (s.statuses[i] ?? 'queued'),
    ticked: !fresh && (s.ticked[i] ?? false) && i % 3 === 0,
    wakeAt: s.wakes[i] ?? null,
  }))
  const until = s.until === null ? null : (tasks[s.until % Math.max(1, tasks.length)]?.handle ?? null)
  return { tasks, options: { until, keepGoing: s.keepGoing, concurrency: s.concurrency, running: new Set(), now: NOW } }
}

const isDone = (task: PickTask): boolean => task.ticked || task.status === 'done'

/** The documented rule, written without regard to speed. */
function heldBack(task: PickTask, tasks: PickTask[], keepGoing: boolean): boolean {
  return task.dependsOn.some(({ handle, kind }) => {
    const other = tasks.find((t) => t.handle === handle)
    if (!other || isDone(other) || (keepGoing && kind !== 'explicit')) return false
    if (['blocked', 'replan', 'cancelled'].includes(other.status)) return true
    return other.status !== 'waiting' && heldBack(other, tasks, keepGoing)
  })
}

describe('in any situation', () => {
  it('agrees with the rule', () => {
    fc.assert(
      fc.property(situations, (s) => {
        const { tasks, options } = build(s, false)
        const scope = options.until === null ? null : withAncestors(tasks, options.until)
        const reached = tasks.some((task) => task.handle === options.until && isDone(task))
        const result = pick(tasks, options)
        expect(result.start.length).toBeLessThanOrEqual(options.concurrency)
        for (const task of tasks) {
          const inScope = !reached && (scope === null || scope.has(task.handle)) && !isDone(task)
          const held = heldBack(task, tasks, options.keepGoing)
          const open = ['queued', 'running', 'suspended'].includes(task.status)
          expect(result.skip.some((entry) => entry.handle === task.handle)).toBe(inScope && open && held)
          expect(result.requeue.includes(task.handle)).toBe(inScope && task.status === 'skipped' && !held)
          if (!result.start.includes(task.handle)) continue
          if (task.status === 'waiting') {
            expect(task.wakeAt).toBeLessThanOrEqual(NOW)
            continue
          }
          expect(inScope && open && !held).toBe(true)
          if (task.status === 'suspended') expect(task.wakeAt).toBeLessThanOrEqual(NOW)
          for (const { handle, kind } of task.dependsOn) {
            const other = tasks.find((t) => t.handle === handle)
            if (!options.keepGoing || kind === 'explicit') expect(other && isDone(other)).toBe(true)
            else expect(result.start).not.toContain(handle)
          }
        }
        for (const { because } of result.skip) {
          expect(tasks.find((task) => task.handle === because)?.status).toMatch(/^(blocked|replan|cancelled)$/)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('asks for nothing twice', () => {
    fc.assert(
      fc.property(situations, (s) => {
        const { tasks, options } = build(s, false)
        const first = pick(tasks, options)
        const skipped = new Set(first.skip.map((entry) => entry.handle))
        const requeued = new Set(first.requeue)
        const statusOf = ({ handle, status }: PickTask): TaskStatus =>
          skipped.has(handle) ? 'skipped' : requeued.has(handle) ? 'queued' : status
        const next = tasks.map((task): PickTask => Object.assign({}, task, { status: statusOf(task) }))
        expect(pick(next, options)).toMatchObject({ skip: [], requeue: [] })
      }),
      { numRuns: 1000 },
    )
  })

  it('a run comes to an end, and ends with every task accounted for', () => {
    fc.assert(
      fc.property(situations, (s) => {
        const { tasks, options } = build(s, true)
        const outcomes = s.outcomes[Symbol.iterator]()
        const state = new Map(tasks.map((task) => [task.handle, task]))
        const set = (handle: string, change: Partial<PickTask>): void => {
          const task = state.get(handle)
          if (task) state.set(handle, { ...task, ...change })
        }
        let now = NOW
        const running = new Set<string>()
        for (let rounds = 0; ; rounds++) {
          expect(rounds).toBeLessThan(500)
          const result = pick([...state.values()], { ...options, now, running })
          if (result.state === 'asleep') {
            expect(result.wakeAt).toBeGreaterThan(now)
            now = result.wakeAt ?? now
          } else if (result.state !== 'working') break
          for (const { handle } of result.skip) set(handle, { status: 'skipped' })
          for (const handle of result.requeue) set(handle, { status: 'queued' })
          for (const handle of result.start) {
            set(handle, { status: 'running' })
            running.add(handle)
          }
          const [ending] = running
          if (ending === undefined) continue
          running.delete(ending)
          // A task that was suspended often enough ends, as attempt limits ensure in practice.
          const status = rounds > 200 ? 'done' : (outcomes.next().value ?? 'done')
          set(ending, { status, wakeAt: status === 'suspended' && rounds % 2 === 0 ? now + 10 : null })
        }
        const scope = options.until === null ? null : withAncestors(tasks, options.until)
        const target = options.until === null ? undefined : state.get(options.until)
        const left = [...state.values()].filter((task) => scope === null || scope.has(task.handle))
        const stuck = left.filter((task) => ['queued', 'running'].includes(task.status))
        const reasons = left.filter((task) => ['waiting', 'suspended'].includes(task.status))
        if (reasons.length === 0 && !(target && isDone(target))) expect(stuck).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })
})

it('judges a long list at once', () => {
  const tasks = list('0 queued', ...Array.from({ length: 20_000 }, (_, i) => `${i + 1} queued ${i}`))
  const started = process.threadCpuUsage()
  expect(go(tasks).start).toEqual(['0'])
  expect(go([{ ...tasks[0], status: 'blocked' } as PickTask, ...tasks.slice(1)]).skip).toHaveLength(20_000)
  const { user, system } = process.threadCpuUsage(started)
  expect((user + system) / 1000).toBeLessThan(5000)
})
