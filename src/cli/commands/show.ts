import { Command } from 'commander'
import type { Io } from '../io.ts'
import { asLanded } from '../../runs/landed.ts'
import { projectHere } from '../../runs/project.ts'
import { selectTask, withRecord } from '../session.ts'
import { showView } from '../views/show.ts'
import { showText } from '../views/show-text.ts'

const EXAMPLES = `
Examples:
  belay show T003                         a task of the newest run
  belay show 20261121-101500-k3x9pf/T003  of an older run
  belay show T003 --json | jq '.evidence[] | {gate, phase, result}'
`

/** `belay show TASK`. */
export function showCommand(io: Io): Command {
  return new Command('show')
    .description('Why a task is done, or why not and what to do next; with its attempts, evidence, findings and cost.')
    .argument('<task>', 'handle in the newest run of this repository, or RUN/HANDLE')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: { json?: true }) => {
      await withRecord(io, async (record) => {
        const project = await projectHere(record, io.cwd)
        const chosen = await selectTask(record, project.id, name)
        const view = await showView(record, { ...chosen, run: await asLanded(project, chosen.run) })
        if (flags.json) io.out(JSON.stringify(view))
        else for (const line of showText(view, record.clock.now())) io.out(line)
      })
    })
}
