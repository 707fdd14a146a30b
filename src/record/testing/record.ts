import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { RecordStore } from '../record.ts'
import { createRun } from '../runs.ts'
import { upsertProject } from '../projects.ts'
import type { NewTask } from '../tasks.ts'

/** A folder for a record; disposing of it deletes it. */
export interface TestHome extends Disposable {
  readonly path: string
}

export function testHome(): TestHome {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'belay-record-')))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** A clock that stands still until a test moves it; sleeping moves it too. */
export class TestClock implements Clock {
  #now: number

  constructor(now = Date.parse('2026-11-21T10:00:00.000Z')) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  pass(ms: number): void {
    this.#now += ms
  }

  sleepUntil(at: number): Promise<void> {
    this.#now = Math.max(this.#now, at)
    return Promise.resolve()
  }
}

/** A task as a source would give it. */
export function newTask(handle: string, more: Partial<NewTask> = {}): NewTask {
  return {
    handle,
    title: `Title of ${handle}`,
    definition: { dependsOn: [], criteria: [], subject: `Task ${handle}` },
    status: 'queued',
    ...more,
  }
}

/** Stores a run `r1` of project `p1` with tasks. */
export async function storeRun(record: RecordStore, tasks: readonly NewTask[], id = 'r1'): Promise<void> {
  await upsertProject(record, 'p1', '/repo')
  await createRun(
    record,
    {
      id,
      project: 'p1',
      program: 'test',
      source: { kind: 'prompt', feature: null, path: null, prompt: 'x' },
      target: 'main',
      base: 'a'.repeat(40),
      resultBranch: `belay/${id}/result`,
      options: {},
      config: {},
    },
    tasks,
    [{ type: 'run.started', project: 'p1', run: id }],
  )
}
