import { join } from 'node:path'
import { advance, buildProgram, claimTask, type Phase } from '../../src/kernel/index.ts'
import { RecordStore, createRun, takeLease, upsertProject } from '../../src/record/index.ts'
import { BareLog } from '../support/bare-sqlite.ts'
import { compare, timed, type Bench } from '../support/figure.ts'
import { inFolder } from '../support/folder.ts'

const phase = (next: string): Phase<null> => ({
  does: 'nothing',
  deadlineMs: () => 60_000,
  run: async () => ({ outcome: 'on' }),
  on: { on: { to: next }, off: { end: 'done' } },
})

const BLOCK = 20

/** What the kernel adds to a phase, measured with a program whose phases do nothing. */
export const kernel: Bench = {
  name: 'kernel',
  measure: async ({ quick }) =>
    inFolder(async (folder) => {
      const program = buildProgram<null>('noop', 'here', { here: phase('there'), there: phase('here') })
      const record = RecordStore.open(join(folder, 'home'))
      const bare = new BareLog(join(folder, 'bare.db'))
      bare.exec(
        `create table tasks (handle text primary key, phase text, state text) strict; insert into tasks values ('T001', 'here', '{}')`,
      )
      const scope = { record, project: 'p', run: 'r', lease: await takeLease(record, 'run:r', 'the run') }
      await makeRun(record)
      const claim = await claimTask(scope, program, 'T001')
      const { signal } = new AbortController()
      const own: number[] = []
      const other: number[] = []
      for (let round = 0; round < (quick ? 5 : 25); round++) {
        own.push(
          (await timed(async () => {
            for (let n = 0; n < BLOCK; n++) await advance(claim, program, null, signal)
          })) / BLOCK,
        )
        other.push(
          (await timed(() => {
            for (let n = 0; n < BLOCK; n++) {
              bare.step(() => {
                bare.exec(`update tasks set phase = 'there', state = '{}' where handle = 'T001'`)
                bare.append('task.phase', 'r', { phase: 'here', outcome: 'on', next: 'there' })
              })
            }
          })) / BLOCK,
        )
      }
      await record.close()
      bare.close()
      return [
        compare('a phase that does nothing', 'ms', own, { what: 'bare update and insert, one commit', values: other }),
      ]
    }),
}

async function makeRun(record: RecordStore): Promise<void> {
  await upsertProject(record, 'p', '/nowhere')
  await createRun(
    record,
    {
      id: 'r',
      project: 'p',
      program: 'noop',
      source: { kind: 'prompt', feature: null, path: null, prompt: 'x' },
      target: null,
      base: '0'.repeat(40),
      resultBranch: 'belay/r/result',
      options: {},
      config: {},
    },
    [{ handle: 'T001', title: 'x', definition: { dependsOn: [], criteria: [], subject: 'x' }, status: 'queued' }],
    [],
  )
}
