import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../core/clock.ts'
import { buildProgram, type PhaseResult, type Program } from '../kernel/index.ts'
import { RecordStore, createRun, findTask, listTasks, takeLease, upsertProject, type TaskRow } from '../record/index.ts'
import { runTasks } from './loop.ts'

const MINUTE = 60_000
const START = Date.parse('2026-03-01T00:00:00Z')

/** A clock on which time passes only while somebody sleeps, and then jumps. */
class JumpingClock implements Clock {
  readonly slept: number[] = []
  #now = START

  now(): number {
    return this.#now
  }

  sleepUntil(at: number): Promise<void> {
    if (at > this.#now) {
      this.slept.push(at - this.#now)
      this.#now = at
    }
    return Promise.resolve()
  }
}

let folder: string
let clock: JumpingClock
let record: RecordStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-sleep-'))
  clock = new JumpingClock()
  record = RecordStore.open(folder, clock)
})
afterEach(async () => {
  await record.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A program with one phase, which does what `step` says. */
function program(step: (task: TaskRow) => PhaseResult): Program<null> {
  return buildProgram('toy', 'work', {
    work: {
      does: 'works',
      deadlineMs: () => 60 * MINUTE,
      run: ({ task }) => Promise.resolve(step(task)),
      on: { done: { end: 'done' }, quota: { pause: 'suspended', at: 'work' } },
    },
  })
}

async function work(toy: Program<null>, handles: readonly string[], noWait = false): Promise<string[]> {
  await upsertProject(record, 'p', folder)
  const source = { kind: 'prompt', feature: null, path: null, prompt: 'x' } as const
  const run = {
    id: 'r',
    project: 'p',
    program: 'toy',
    source,
    target: null,
    base: 'b',
    resultBranch: 'x',
    options: {},
    config: {},
  }
  const definition = { dependsOn: [], criteria: [], subject: '' }
  await createRun(
    record,
    run,
    handles.map((handle) => ({ handle, title: handle, definition, status: 'queued' })),
    [],
  )
  const lease = await takeLease(record, 'run:r', 'run r')
  const ended: string[] = []
  await runTasks({
    scope: { record, project: 'p', run: 'r', lease },
    program: toy,
    services: null,
    until: null,
    keepGoing: false,
    concurrency: 1,
    noWait,
    leases: [lease],
    lost: new AbortController().signal,
    signal: new AbortController().signal,
    claimed: () => Promise.resolve(),
    stepped: (handle, step) => {
      ended.push(`${handle} ${step.status}`)
      return Promise.resolve()
    },
    taken: () => Promise.resolve(),
  })
  return ended
}

function until(ms: number, code = 'agent_quota'): PhaseResult {
  return {
    outcome: 'quota',
    reason: { code, message: 'no more' },
    change: { wakeAt: new Date(clock.now() + ms).toISOString() },
  }
}

describe('a suspended task', () => {
  test('wakes at its time, not before, and others go on meanwhile', async () => {
    let tries = 0
    const toy = program(({ handle }) =>
      handle === 'a' && ++tries < 4 ? { ...until(tries * MINUTE), state: { tries } } : { outcome: 'done' },
    )
    expect(await work(toy, ['a', 'b'])).toEqual(['a suspended', 'b done', 'a suspended', 'a suspended', 'a done'])
    expect(clock.slept).toEqual([MINUTE, 2 * MINUTE, 3 * MINUTE])
  })

  test('is left by who does not wait for a quota, with its time', async () => {
    const toy = program(() => until(3 * MINUTE))
    expect(await work(toy, ['a'], true)).toEqual(['a suspended'])
    expect(clock.slept).toEqual([])
    expect(await findTask(record.read, 'r', 'a')).toMatchObject({
      status: 'suspended',
      wakeAt: new Date(START + 3 * MINUTE).toISOString(),
    })
  })

  test('is waited for after a fault all the same: that pause is part of the work', async () => {
    let tries = 0
    const toy = program(() => (++tries === 1 ? until(1000, 'agent_provider') : { outcome: 'done' }))
    expect(await work(toy, ['a'], true)).toEqual(['a suspended', 'a done'])
  })

  test('without a time waits for a person: nothing happens by itself', async () => {
    const toy = program(() => ({ outcome: 'quota', reason: { code: 'budget_usd', message: 'used up' } }))
    expect(await work(toy, ['a', 'b'])).toEqual(['a suspended', 'b suspended'])
    expect((await listTasks(record.read, 'r')).map((task) => task.reason?.code)).toEqual(['budget_usd', 'budget_usd'])
  })
})
