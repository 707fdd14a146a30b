import { Command } from 'commander'
import { lastSeq } from '../../record/index.ts'
import { unblockTask } from '../../runs/lifecycle/unblock.ts'
import { refuseAgents } from '../../runs/nested.ts'
import type { Io } from '../io.ts'
import { goOn, nextStep } from '../run/work-on.ts'
import { projectIdHere, selectTask, withRecord } from '../session.ts'
import { taskChange } from '../views/task-change.ts'

const EXAMPLES = `
Examples:
  belay unblock T003 --note "The API key is in .env.test now"
  belay unblock T003 --resume
`

/** `belay unblock TASK`. */
export function unblockCommand(io: Io): Command {
  return new Command('unblock')
    .description('Let a blocked task continue where it is, with one more attempt.')
    .argument('<task>', 'handle in the newest run of this repository, or RUN/HANDLE')
    .option('--note <text>', 'what the agent should know; it goes into its next prompt')
    .option('--resume', 'also continue the run')
    .option('--no-wait', 'with --resume: leave (exit 5) instead of waiting for an exhausted quota')
    .option('--json', 'as one JSON object; with --resume, events as NDJSON')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: Flags) => unblock(io, name, flags))
}

interface Flags {
  note?: string
  resume?: true
  wait: boolean
  json?: true
}

async function unblock(io: Io, name: string, flags: Flags): Promise<void> {
  await withRecord(io, async (record) => {
    await refuseAgents(record, io.env)
    const { run, task } = await selectTask(record, await projectIdHere(io, record), name)
    const from = (await lastSeq(record.read)) + 1
    const unblocked = await unblockTask(record, run, task.handle, flags.note ?? null)
    if (flags.resume) {
      await goOn(io, record, null, run, { json: flags.json === true, verbose: false, noWait: !flags.wait, from })
    } else if (flags.json) io.out(JSON.stringify(taskChange(run, unblocked)))
    else io.out(`${task.handle} goes on at ${unblocked.phase ?? 'prepare'}; ${await nextStep(record, run)}`)
  })
}
