import { Command } from 'commander'
import { refuseNested } from '../../runs/nested.ts'
import { resumableRun, changeLimits } from '../../runs/resume.ts'
import { lastSeq, refuseHeld } from '../../record/index.ts'
import { runLease } from '../../runs/lease-keys.ts'
import type { Io } from '../io.ts'
import { projectIdHere, withRecord } from '../session.ts'
import { workOn } from '../run/work-on.ts'

interface Flags {
  wait: boolean
  concurrency?: string
  budgetUsd?: string
  budgetTokens?: string
  budgetWall?: string
  allowUnknownCost?: true
  acceptRedBaseline?: true
  allowAbsentGates?: true
  json?: true
  verbose?: true
}

/** `belay resume [RUN]`. */
export function resumeCommand(io: Io): Command {
  return new Command('resume')
    .description('Continue a run: the newest unfinished one, or RUN.')
    .argument('[run]', 'id of a run')
    .option('--no-wait', 'leave (exit 5) instead of waiting for an exhausted quota')
    .option('--concurrency <n>', 'tasks at the same time')
    .option('--budget-usd <amount>', 'raise the money limit')
    .option('--budget-tokens <n>', 'raise the token limit')
    .option('--budget-wall <duration>', 'raise the time limit, such as 8h')
    .option('--allow-unknown-cost', 'with a money limit: continue, and count only known costs')
    .option('--accept-red-baseline', 'continue even if a gate fails on the base without naming tests')
    .option('--allow-absent-gates', 'continue even if no gate can run on the base yet')
    .option('--json', 'events as NDJSON on stdout')
    .option('--verbose', 'also show what agents say and do')
    .addHelpText('after', '\nExamples:\n  belay resume\n  belay resume --budget-usd 20\n')
    .action((id: string | undefined, flags: Flags) => resume(io, id, flags))
}

async function resume(io: Io, id: string | undefined, flags: Flags): Promise<void> {
  await withRecord(io, async (record) => {
    const found = await resumableRun(record, await projectIdHere(io, record), id)
    if (found === null) {
      if (flags.json) io.out(JSON.stringify({ run: null, tasks: [] }))
      else io.out('Nothing to resume: every run here is finished.')
      return
    }
    await refuseNested(record, io.env, found.project)
    await refuseHeld(record, runLease(found.id))
    const from = (await lastSeq(record.read)) + 1
    const run = await changeLimits(record, found, flags)
    await workOn(io, record, null, run, {
      json: flags.json === true,
      verbose: flags.verbose === true,
      noWait: !flags.wait,
      from,
    })
  })
}
