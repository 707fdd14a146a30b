import { Command } from 'commander'
import { withRecord, here, selectRun } from '../session.ts'
import type { Io } from '../io.ts'
import { statusView } from '../views/status.ts'
import { statusText } from '../views/status-text.ts'

/** `belay status [RUN]`. */
export function statusCommand(io: Io): Command {
  return new Command('status')
    .description('How the newest run of this repository (or RUN) stands.')
    .argument('[run]', 'id of a run')
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nExamples:\n  belay status\n  belay status --json | jq .run.status\n')
    .action(async (id: string | undefined, flags: { json?: true }) => {
      const repository = await here(io)
      await withRecord(io, async (record) => {
        const run = await selectRun(record, repository.id, id)
        const view = await statusView(record, run)
        if (flags.json) io.out(JSON.stringify(view))
        else for (const line of statusText(view)) io.out(line)
      })
    })
}
