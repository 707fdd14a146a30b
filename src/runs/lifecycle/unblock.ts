import { BelayError } from '../../core/errors.ts'
import { withNote } from '../../programs/direct/again.ts'
import { changeTask, listCheckpoints, type RecordStore, type RunRow, type TaskRow } from '../../record/index.ts'
import { checkNote } from '../answers.ts'
import { refuseCleaned } from './cleaned.ts'
import { taskOf, tell } from './task-moves.ts'

/**
 * Lets a blocked task continue where it is, with one more attempt; the note goes into the next prompt. Safe while a process
 * works on the run. Throws (exit 2) `not_blocked`, which names the command that helps instead.
 */
export async function unblockTask(
  record: RecordStore,
  run: RunRow,
  handle: string,
  note: string | null,
): Promise<TaskRow> {
  refuseCleaned(run)
  const text = checkNote(note)
  await record.write(async (tx) => {
    const task = await taskOf(tx, run, handle)
    if (task.status !== 'blocked') throw notBlocked(task, await questionOf(tx, run.id, handle))
    const now = record.now()
    await changeTask(tx, run.id, handle, now, {
      status: 'queued',
      extraAttempts: task.extraAttempts + 1,
      crashes: 0,
      faults: 0,
      reason: null,
      wakeAt: null,
      state: withNote(task, text),
    })
    const data = { phase: task.phase, because: 'unblock', was: task.status, note: text }
    await tell(tx, now, run, handle, 'task.resumed', 'user', data)
  })
  return taskOf(record.read, run, handle)
}

async function questionOf(
  db: Parameters<typeof listCheckpoints>[0],
  run: string,
  handle: string,
): Promise<string | null> {
  const open = await listCheckpoints(db, { runs: [run], open: true })
  return open.find((one) => one.task === handle)?.id ?? null
}

function notBlocked(task: TaskRow, question: string | null): BelayError {
  const { handle, status, reason } = task
  const next = {
    waiting: `belay answer ${question ?? 'ID'} VALUE (see: belay checkpoints)`,
    suspended: reason?.code.startsWith('budget_')
      ? 'belay resume --budget-usd N (or --budget-tokens, --budget-wall)'
      : 'belay resume',
    queued: 'belay resume',
    running: 'belay status',
    replan: `belay retry ${handle} (it is read again from its source)`,
    cancelled: `belay retry ${handle}`,
    skipped: 'fix the task that it waits for (see: belay status)',
    done: 'belay status',
    blocked: '',
  }[status]
  return new BelayError(
    'not_blocked',
    `task ${handle} is not blocked: it is ${status}${reason === null ? '' : ` (${reason.message})`}`,
    {
      expected: 'a blocked task',
      received: status,
      next,
    },
  )
}
