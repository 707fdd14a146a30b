import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { printable } from '../../core/text.ts'
import { cleanRuns, type CleanResult } from '../../runs/clean.ts'
import type { Io } from '../io.ts'
import { here, selectRun, withRecord } from '../session.ts'

const EXAMPLES = `
Examples:
  belay clean --dry-run      what would be removed, and what is kept and why
  belay clean                workspaces and branches of every run that has ended and landed
  belay clean 20261121-101500-k3x9pf --force     also the work of this run that has not landed

It also removes containers, folders and limits that the sandboxes of a killed Belay left on this machine.

The logs (belay logs) and the record (belay show, belay events) are kept.
`

/** `belay clean [RUN]`. */
export function cleanCommand(io: Io): Command {
  return new Command('clean')
    .description(
      'Remove workspaces and branches of runs that have ended. Keeps work that has not landed, unless forced.',
    )
    .argument('[run]', 'id of a run (default: every run of this repository)')
    .option('--force', 'also remove work that is in none of your branches')
    .option('--dry-run', 'only say what would be removed')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((id: string | undefined, flags: Flags) => clean(io, id, flags))
}

interface Flags {
  force?: true
  dryRun?: true
  json?: true
}

async function clean(io: Io, id: string | undefined, flags: Flags): Promise<void> {
  const repository = await here(io)
  await withRecord(io, async (record) => {
    const run = id === undefined ? null : await selectRun(record, repository.id, id)
    if (run !== null && run.project !== repository.id) {
      throw new BelayError('run_elsewhere', `run ${run.id} belongs to another repository`, { next: 'clean it there' })
    }
    const request = { record, repository, run, force: flags.force === true, dryRun: flags.dryRun === true }
    const result = await cleanRuns(request)
    const [kept] = result.kept
    if (run !== null && kept !== undefined) {
      throw new BelayError(kept.reason.code, `run ${kept.run} is kept: ${kept.reason.message}`, {
        expected: 'a run that has ended, whose work is in a branch of yours',
        ...(kept.reason.code === 'unlanded' ? { next: `belay clean ${kept.run} --force (this loses that work)` } : {}),
      })
    }
    const { sweepSandboxes } = await import('../../sandbox/index.ts')
    const { containers } = request.dryRun ? { containers: 0 } : await sweepSandboxes()
    if (flags.json) io.out(JSON.stringify({ ...result, containers, dry_run: request.dryRun }))
    else for (const line of text(result, containers, request.dryRun)) io.out(line)
  })
}

function text({ cleaned, kept }: CleanResult, containers: number, dryRun: boolean): string[] {
  const verb = dryRun ? 'would remove' : 'removed'
  const lines = cleaned.map(
    ({ run, workspaces, branches }) =>
      `${verb} of run ${run}: ${count(workspaces, 'workspace')}, ${count(branches, 'branch', 'branches')}`,
  )
  for (const { run, reason } of kept) lines.push(`kept run ${run}: ${printable(reason.message)}`)
  if (containers > 0) lines.push(`removed ${count(Array(containers), 'container')} of a Belay that was killed`)
  return lines.length === 0 ? ['Nothing to clean.'] : lines
}

function count(things: readonly unknown[], one: string, many = `${one}s`): string {
  return `${things.length} ${things.length === 1 ? one : many}`
}
