import { userInfo } from 'node:os'
import { BelayError } from '../core/errors.ts'
import {
  answerCheckpoint,
  appendEvents,
  changeTask,
  findCheckpoint,
  findRun,
  findTask,
  listCheckpoints,
  listRuns,
  type CheckpointRow,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'

export interface Answer {
  readonly id: string
  readonly value: string
  readonly note: string | null
}

/** Longest note that is kept, in characters: notes go into prompts. */
const MAX_NOTE = 20_000

/** More runs than anybody has. */
const MANY_RUNS = 10_000

/** Questions to people in the runs of a project, oldest first; only the open ones unless `all` is set. */
export async function checkpointsOf(record: RecordStore, project: string, all: boolean): Promise<CheckpointRow[]> {
  const runs = await listRuns(record.read, project, MANY_RUNS)
  return listCheckpoints(record.read, { runs: runs.map((run) => run.id), open: !all })
}

/**
 * Stores a person's answer and queues the task that waits for it, in one transaction. Whichever process works on the run next,
 * or already does, acts on it. Throws (exit 2) `checkpoint_unknown`, `checkpoint_closed`, `checkpoint_expired`,
 * `not_an_approver`, `answer_invalid` or `note_too_long`. A checkpoint takes one answer; for a second one this throws
 * `checkpoint_closed`.
 */
export async function answerQuestion(
  record: RecordStore,
  answer: Answer,
): Promise<{ checkpoint: CheckpointRow; run: RunRow }> {
  const note = checkNote(answer.note)
  const asked = await findCheckpoint(record.read, answer.id)
  const run = asked === null ? null : await findRun(record.read, asked.run)
  if (asked === null || run === null) throw await unknown(record, answer.id)
  if (asked.status === 'open') {
    checkValue(asked, answer.value)
    checkApprover(asked)
  }
  await record.write(async (tx) => {
    const now = record.now()
    refuseExpired((await findCheckpoint(tx, asked.id)) ?? asked, now)
    if (!(await answerCheckpoint(tx, asked.id, now, answer.value, note, 'user'))) {
      throw closed((await findCheckpoint(tx, asked.id)) ?? asked)
    }
    const task = await findTask(tx, asked.run, asked.task)
    if (task?.status === 'waiting') await changeTask(tx, asked.run, asked.task, now, { status: 'queued', reason: null })
    await appendEvents(tx, now, [
      {
        type: 'checkpoint.answered',
        project: run.project,
        run: run.id,
        task: asked.task,
        actor: 'user',
        data: { id: asked.id, kind: asked.kind, answer: answer.value, note },
      },
    ])
  })
  return { checkpoint: (await findCheckpoint(record.read, asked.id)) ?? asked, run }
}

/** `note` without surrounding white space; null when nothing is left. Throws `note_too_long`. */
export function checkNote(note: string | null): string | null {
  const text = note?.trim() ?? ''
  if (text.length <= MAX_NOTE) return text === '' ? null : text
  throw new BelayError('note_too_long', 'the note is too long for a prompt', {
    expected: `at most ${MAX_NOTE} characters`,
    received: `${text.length} characters`,
    next: 'put it into a file of the repository and name that file in the note',
  })
}

function checkValue(asked: CheckpointRow, value: string): void {
  if (asked.options.includes(value)) return
  throw new BelayError('answer_invalid', `"${value}" is not an answer to ${asked.id}`, {
    expected: asked.options.join(', '),
    received: value,
    next: `belay answer ${asked.id} VALUE (VALUE: ${asked.options.join(', ')})`,
  })
}

/** A checkpoint may restrict who can answer it, by login name. */
function checkApprover({ id, context }: CheckpointRow): void {
  const { approvers } = context
  if (!Array.isArray(approvers)) return
  const { username } = userInfo()
  if (approvers.includes(username)) return
  throw new BelayError('not_an_approver', `${username} may not answer ${id}: it is for ${approvers.join(', ')}`, {
    expected: approvers.join(', '),
    received: username,
    next: `have one of them run: belay answer ${id} VALUE`,
  })
}

/** Refuses an answer after the checkpoint's time: its task already continues without one. */
function refuseExpired(asked: CheckpointRow, now: string): void {
  const at = expiredAt(asked, Date.parse(now))
  if (at === null) return
  const { id } = asked
  throw new BelayError('checkpoint_expired', `${id} could be answered until ${at}`, {
    expected: `an answer before ${at}`,
    received: now,
    next: 'belay resume (the run goes on as it does without an answer)',
  })
}

/**
 * When the time for answering an open checkpoint ended, if that was at or before `now` (ms). null: it is closed, or can still
 * be answered.
 */
export function expiredAt({ status, context }: CheckpointRow, now: number): string | null {
  const { expires_at: at } = context
  return status === 'open' && typeof at === 'string' && Date.parse(at) <= now ? at : null
}

async function unknown(record: RecordStore, id: string): Promise<BelayError> {
  const open = await listCheckpoints(record.read, { open: true })
  return new BelayError('checkpoint_unknown', `there is no question "${id}"`, {
    expected: open.length === 0 ? 'no question is open' : open.map((one) => one.id).join(', '),
    received: id,
    next: 'belay checkpoints',
  })
}

function closed(asked: CheckpointRow): BelayError {
  const answered = asked.status === 'answered'
  return new BelayError(
    'checkpoint_closed',
    answered
      ? `${asked.id} was answered already, with "${asked.answer}"`
      : `${asked.id} is not open any more: task ${asked.task} went on without it`,
    { expected: 'an open question', received: `one that is ${asked.status}`, next: 'belay checkpoints' },
  )
}
