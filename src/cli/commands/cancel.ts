import { Command } from 'commander'
import { batchProgram } from '../../programs/batch/index.ts'
import { findRun, findTask, holderOf, type RecordStore, type RunRow } from '../../record/index.ts'
import { checkNote } from '../../runs/answers.ts'
import { cancelFiles } from '../../runs/batch/lifecycle.ts'
import { workflowProgram } from '../../programs/workflow/index.ts'
import { cancelSteps } from '../../runs/workflow/lifecycle.ts'
import { runLease } from '../../runs/lease-keys.ts'
import { cancelRun, cancelTask, type Cancelled } from '../../runs/lifecycle/cancel.ts'
import { refuseAgents } from '../../runs/nested.ts'
import type { Io } from '../io.ts'
import { here, projectIdHere, selectTask, withRecord } from '../session.ts'

const EXAMPLES = `
Examples:
  belay cancel T003                       give up one task; the others go on
  belay cancel 20261121-101500-k3x9pf     give up a run
`

/** `belay cancel RUN|TASK`. */
export function cancelCommand(io: Io): Command {
  return new Command('cancel')
    .description('Give up a run or a task. What has landed stays; belay retry brings a task back.')
    .argument('<run|task>', 'id of a run, a task of the newest run, or RUN/HANDLE')
    .option('--note <text>', 'why')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((what: string, flags: { note?: string; json?: true }) => cancel(io, what, flags))
}

async function cancel(io: Io, what: string, flags: { note?: string; json?: true }): Promise<void> {
  await withRecord(io, async (record) => {
    await refuseAgents(record, io.env)
    const project = await projectIdHere(io, record)
    const run = await runOf(record, project, what)
    const choice = run === null ? await selectTask(record, project, what) : null
    const of = run ?? choice?.run
    if (of === undefined) throw new Error('either a run or a task')
    const done = await giveUp(io, record, of, choice?.task.handle ?? null, checkNote(flags.note ?? null))
    if (flags.json) io.out(JSON.stringify(await view(record, of, choice?.task.handle ?? null, done)))
    else for (const line of text(of, done, choice?.task.handle ?? null)) io.out(line)
  })
}

async function giveUp(
  io: Io,
  record: RecordStore,
  run: RunRow,
  handle: string | null,
  note: string | null,
): Promise<Cancelled> {
  const giveUpTasks =
    run.program === batchProgram.name ? cancelFiles : run.program === workflowProgram.name ? cancelSteps : null
  if (giveUpTasks !== null) {
    const held = (await holderOf(record, runLease(run.id))) !== null
    return { tasks: await giveUpTasks(record, run, handle, note), landed: [], held }
  }
  const request = { record, repository: await here(io), run, note }
  return handle === null ? cancelRun(request) : cancelTask(request, handle)
}

/** A run of this repository with this id, or null. Checked first, because a task may have any name. */
async function runOf(record: RecordStore, project: string, id: string): Promise<RunRow | null> {
  const run = await findRun(record.read, id)
  return run?.project === project ? run : null
}

async function view(
  record: RecordStore,
  run: RunRow,
  handle: string | null,
  done: Cancelled,
): Promise<Record<string, unknown>> {
  const [now, task] = [
    await findRun(record.read, run.id),
    handle === null ? null : await findTask(record.read, run.id, handle),
  ]
  return {
    run: run.id,
    status: now?.status ?? run.status,
    task: task === null ? null : { handle: task.handle, status: task.status },
    cancelled: done.tasks,
    landed: done.landed,
    held: done.held,
  }
}

function text(run: RunRow, done: Cancelled, handle: string | null): string[] {
  const lines = done.landed.map((one) => `${one} had landed already and is done`)
  if (done.tasks.length > 0) lines.push(`cancelled: ${done.tasks.join(', ')}`)
  else if (lines.length === 0)
    lines.push(handle === null ? `run ${run.id} is cancelled` : `${handle} is cancelled already`)
  if (done.held && done.tasks.length > 0) lines.push('the process that works on the run ends their agents now')
  return lines
}
