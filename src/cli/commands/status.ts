import { Command } from 'commander'
import { holderOf, listRuns, type RecordStore, type RunRow } from '../../record/index.ts'
import { runLease } from '../../runs/lease-keys.ts'
import { projectIdHere, withRecord, selectRun } from '../session.ts'
import type { Io } from '../io.ts'
import { statusView } from '../views/status.ts'
import { statusText, type StatusFacts } from '../views/status-text.ts'

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
        const run = await selectRun(record, await projectIdHere(io, record), id)
        const view = await statusView(record, run)
        if (flags.json) io.out(JSON.stringify(view))
        else for (const line of statusText(view, await factsOf(record, run))) io.out(line)
      })
    })
}

async function factsOf(record: RecordStore, run: RunRow | null): Promise<StatusFacts> {
  const now = record.clock.now()
  if (run === null) return { holder: null, newest: true, endedAt: null, now }
  const [newest] = await listRuns(record.read, run.project, 1)
  return {
    holder: await holderOf(record, runLease(run.id)),
    newest: newest?.id === run.id,
    endedAt: run.endedAt === null ? null : Date.parse(run.endedAt),
    now,
  }
}
