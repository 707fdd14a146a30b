import { Command } from 'commander'
import { lastSeq, type RunRow } from '../../record/index.ts'
import { batchProgram } from '../../programs/batch/index.ts'
import { retryFile } from '../../runs/batch/lifecycle.ts'
import { workflowProgram } from '../../programs/workflow/index.ts'
import { retryStep } from '../../runs/workflow/lifecycle.ts'
import { retryTask } from '../../runs/lifecycle/retry.ts'
import { refuseAgents } from '../../runs/nested.ts'
import type { Io } from '../io.ts'
import { goOn, nextStep } from '../run/work-on.ts'
import { here, projectIdHere, selectTask, withRecord } from '../session.ts'
import { taskChange } from '../views/task-change.ts'

const EXAMPLES = `
Examples:
  belay retry T003                    implement again, with fresh counters
  belay retry T003 --from verify      prove and review the same change again
  belay retry T003 --resume           and continue the run

A task that needs a new plan (replan) is read from its source again: fix the task list and commit it first.
`

/** `belay retry TASK`. */
export function retryCommand(io: Io): Command {
  return new Command('retry')
    .description('Start a blocked, replan, cancelled, skipped or unfinished task again, with fresh counters.')
    .argument('<task>', 'handle in the newest run of this repository, or RUN/HANDLE')
    .option(
      '--from <phase>',
      'phase to begin at: prepare, baseline, implement, verify, review or integrate (default: implement)',
    )
    .option('--resume', 'also continue the run')
    .option('--no-wait', 'with --resume: leave (exit 5) instead of waiting for an exhausted quota')
    .option('--json', 'as one JSON object; with --resume, events as NDJSON')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: Flags) => retry(io, name, flags))
}

interface Flags {
  from?: string
  resume?: true
  wait: boolean
  json?: true
}

async function retry(io: Io, name: string, flags: Flags): Promise<void> {
  await withRecord(io, async (record) => {
    await refuseAgents(record, io.env)
    const { run, task } = await selectTask(record, await projectIdHere(io, record), name)
    const from = (await lastSeq(record.read)) + 1
    const again =
      run.program === batchProgram.name ? retryFile : run.program === workflowProgram.name ? retryStep : null
    const retried =
      again !== null
        ? { task: await again(record, run, task.handle, flags.from ?? null), reread: false, requeued: [], added: [] }
        : await retryTask({ record, repository: await here(io), run, handle: task.handle, from: flags.from ?? null })
    if (retried.added.length > 0) {
      io.note(
        `note: the source also has ${retried.added.join(', ')}, which this run does not do; begin a run for them afterwards`,
      )
    }
    if (retried.requeued.length > 0) io.note(`queued again with it: ${retried.requeued.join(', ')}`)
    if (flags.resume) {
      await goOn(io, record, null, run, { json: flags.json === true, verbose: false, noWait: !flags.wait, from })
      return
    }
    if (flags.json) io.out(JSON.stringify(taskChange(run, retried.task)))
    else {
      const how = retried.reread ? ', read again from its source' : ''
      io.out(`${task.handle} begins again at ${retried.task.phase ?? first(run)}${how}; ${await nextStep(record, run)}`)
    }
  })
}

/** The phase at which a task of the run's program begins. */
function first(run: RunRow): string {
  return run.program === workflowProgram.name ? workflowProgram.entry : 'prepare'
}
