import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  RecordStore,
  changeTask,
  createRun,
  findRun,
  insertTasks,
  listTasks,
  upsertProject,
} from '../../record/index.ts'
import { giveUpLate } from './deadlines.ts'

test('a workflow whose time is over gives up its steps, except those that failed with a reason of their own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-deadlines-'))
  const record = RecordStore.open(folder)
  try {
    await upsertProject(record, 'p', folder)
    const source = { kind: 'prompt', feature: null, path: null, prompt: 'x' } as const
    const config = { definition: { timeoutMs: 60_000, flow: { states: [] } } }
    const more = { target: null, base: 'b', resultBranch: 'belay/r1/result', options: {}, config }
    await createRun(record, { id: 'r1', project: 'p', program: 'workflow', source, ...more }, [], [])
    const run = await findRun(record.read, 'r1')
    if (!run) throw new Error('the run was not stored')
    const steps = ['failed', 'open'].map((handle) => ({
      handle,
      title: handle,
      definition: { dependsOn: [], criteria: [], subject: handle },
      status: 'queued' as const,
    }))
    const own = { code: 'failed', message: 'no way' }
    await record.write(async (tx) => {
      await insertTasks(tx, 'r1', run.createdAt, steps)
      await changeTask(tx, 'r1', 'failed', run.createdAt, { status: 'blocked', reason: own })
    })
    const late = new Date(Date.parse(run.createdAt) + 60_000).toISOString()
    expect(await record.write(async (tx) => giveUpLate(tx, run, await listTasks(tx, 'r1'), late))).toBe('run')
    expect((await findRun(record.read, 'r1'))?.status).toBe('cancelled')
    expect((await listTasks(record.read, 'r1')).map(({ handle, status, reason }) => [handle, status, reason])).toEqual([
      ['failed', 'blocked', own],
      ['open', 'cancelled', { code: 'workflow_timeout', message: 'the workflow was not done in 1m00s' }],
    ])
  } finally {
    await record.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
