import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  RecordStore,
  beginDelivery,
  createRun,
  findRun,
  pendingDeliveries,
  queueDeliveries,
  readEvents,
  upsertProject,
  type RunRow,
} from '../record/index.ts'
import { Notifier } from './deliver.ts'

let folder: string
let record: RecordStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-deliver-'))
  record = RecordStore.open(folder)
})
afterEach(async () => {
  await record.close()
  rmSync(folder, { recursive: true, force: true })
})

async function newRun(): Promise<RunRow> {
  await upsertProject(record, 'p', folder)
  const source = { kind: 'prompt', feature: null, path: null, prompt: 'x' } as const
  const run = {
    id: 'r1',
    project: 'p',
    program: 'direct',
    source,
    target: null,
    base: 'b',
    resultBranch: 'belay/r1/result',
    options: {},
    config: {},
  }
  await createRun(record, run, [], [])
  const found = await findRun(record.read, 'r1')
  if (!found) throw new Error('the run was not stored')
  return found
}

function notifier(run: RunRow, script: string): Notifier {
  return new Notifier({
    record,
    run,
    root: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    command: ['/bin/sh', '-c', script],
  })
}

async function queue(notices: ReturnType<Notifier['ofRun']>): Promise<void> {
  await record.write((tx) => queueDeliveries(tx, 'r1', record.now(), notices))
}

const END = { status: 'done', reason: null }

test('a notice that was queued twice is delivered once', async () => {
  const run = await newRun()
  const told = notifier(run, `cat >> told`)
  await queue(told.ofRun('run.finished', 1, END))
  await queue(told.ofRun('run.finished', 1, END))
  told.wake()
  told.wake()
  await told.drain()
  await told.drain()
  expect(readFileSync(join(folder, 'told'), 'utf8').split('\n').filter(Boolean)).toHaveLength(1)
  expect(await pendingDeliveries(record, 'r1')).toEqual([])
})

test('a death in the middle begins it again, three times at most', async () => {
  const run = await newRun()
  const told = notifier(run, `cat >> told`)
  await queue(told.ofRun('run.finished', 1, END))
  await queue(told.ofRun('run.finished', 2, END))
  const [first, second] = await pendingDeliveries(record, 'r1')
  if (!first || !second) throw new Error('two were queued')
  // The state that a Belay leaves when it is killed while the command runs.
  await beginDelivery(record, first.id)
  for (let tries = 0; tries < 3; tries++) await beginDelivery(record, second.id)
  await told.drain()
  expect(readFileSync(join(folder, 'told'), 'utf8').split('\n').filter(Boolean)).toHaveLength(1)
  const failed = await readEvents(record.read, { type: 'notify.failed' })
  expect(failed.map((event) => event.data['key'])).toEqual([second.key])
  expect(await pendingDeliveries(record, 'r1')).toEqual([])
})

test('nobody is told of an interrupt, and nothing is queued without a command', async () => {
  const run = await newRun()
  expect(notifier(run, 'true').ofRun('run.finished', 1, { status: 'interrupted', reason: null })).toEqual([])
  const silent = new Notifier({ record, run, root: folder, env: {}, command: null })
  expect(silent.ofRun('run.finished', 1, END)).toEqual([])
  await silent.drain()
})
