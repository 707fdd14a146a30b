import { expect, it } from 'vitest'
import { listCheckpoints, newestCheckpoint, openCheckpoint } from './checkpoints.ts'
import { RecordStore } from './record.ts'
import { newTask, storeRun, testHome } from './testing/record.ts'

it('checkpoints of the same millisecond are in the order of their opening', async () => {
  using home = testHome()
  const record = RecordStore.open(home.path)
  await storeRun(record, [newTask('a')])
  const now = record.now()
  const questions = Array.from({ length: 12 }, (_, n) => `question ${n}`)
  for (const question of questions) {
    await record.write((tx) =>
      openCheckpoint(tx, 'r1', 'a', now, { kind: 'choice', question, options: [], context: {} }),
    )
  }
  expect((await listCheckpoints(record.read, {})).map((one) => one.question)).toEqual(questions)
  expect((await newestCheckpoint(record.read, 'r1', 'a'))?.question).toBe('question 11')
  await record.close()
})
