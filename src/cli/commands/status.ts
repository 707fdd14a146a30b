import { Command } from 'commander'
import { asLanded } from '../../runs/landed.ts'
import { projectHere } from '../../runs/project.ts'
import { withRecord, selectRun } from '../session.ts'
import type { Io } from '../io.ts'
import { statusView } from '../views/status.ts'
import { statusFacts } from '../views/status-facts.ts'
import { statusText } from '../views/status-text.ts'

const EXAMPLES = `
Examples:
  belay status
  belay status 20261121-101500-k3x9pf
  belay status --json | jq -r .run.status
`

/** `belay status [RUN]`. */
export function statusCommand(io: Io): Command {
  return new Command('status')
    .description('How the newest run of this repository (or RUN) stands, and what to do next.')
    .argument('[run]', 'id of a run')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string | undefined, flags: { json?: true }) => {
      await withRecord(io, async (record) => {
        const project = await projectHere(record, io.cwd)
        const found = await selectRun(record, project.id, id)
        const run = found && (await asLanded(project, found))
        const view = await statusView(record, run)
        if (flags.json) io.out(JSON.stringify(view))
        else for (const line of statusText(view, await statusFacts(record, run))) io.out(line)
      })
    })
}
