import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { refuseDeep } from '../../process/index.ts'
import { lastSeq } from '../../record/index.ts'
import { beginBatch } from '../../runs/batch/begin.ts'
import { holdBatch } from '../../runs/batch/drive.ts'
import { lookAtPlan, planBatch } from '../../runs/batch/plan.ts'
import { batchRole } from '../../runs/batch/services.ts'
import { checkRoles } from '../../runs/roles.ts'
import { ResultsFile } from '../../programs/batch/index.ts'
import { dryRunBatch } from '../batch/dry-run.ts'
import { remarks, summaryLine } from '../batch/text.ts'
import { workOnBatch } from '../batch/work.ts'
import type { Io } from '../io.ts'
import { countFlag } from '../numbers.ts'
import { withRecord } from '../session.ts'

interface Flags {
  config: string
  concurrency?: string
  dryRun?: true
  wait: boolean
  json?: true
  verbose?: true
}

/** The limit of the configuration's `concurrency`. */
const MAX_CONCURRENCY = 64

const EXAMPLES = `
Examples:
  belay batch --config reviews.yaml --dry-run   which files, and the first prompt
  belay batch --config reviews.yaml             run it again to continue, or for new and edited files
  belay batch --config reviews.yaml --json | jq 'select(.type == "run.finished") | .data.failed'

A batch file names an agent, a prompt and a JSON Schema:
  provider: claude
  prompt: Sum up what this file does.
  schema: {type: object, properties: {summary: {type: string}}, required: [summary]}
  glob: src/**/*.ts

Exit status: 0 all done, 1 internal failure, 2 usage or set-up, 3 some files failed, 5 suspended, 130 interrupted.
`

/** `belay batch --config FILE`. */
export function batchCommand(io: Io): Command {
  return new Command('batch')
    .description(
      'Ask an agent the same question about many files: one answer each, checked against a schema, in one results file.',
    )
    .requiredOption('--config <file>', 'the batch file (YAML or TOML); paths are relative to its folder')
    .option('--concurrency <n>', 'files at the same time')
    .option('--dry-run', 'show the files and the first prompt; spend and write nothing')
    .option('--no-wait', 'leave (exit 5) instead of waiting for an exhausted quota')
    .option('--json', 'events as NDJSON on stdout')
    .option('--verbose', 'also show what the agent says and does')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => batch(io, flags))
}

async function batch(io: Io, flags: Flags): Promise<void> {
  const plan = await planBatch({
    cwd: io.cwd,
    env: io.env,
    config: flags.config,
    concurrency: concurrencyFlag(flags.concurrency),
  })
  const json = flags.json === true
  if (flags.dryRun) {
    await dryRunBatch(io, plan, json)
    return
  }
  refuseDeep(io.env)
  const { config } = plan
  await withRecord(io, (record) =>
    holdBatch(record, config, async (lease) => {
      const files = await lookAtPlan(record, plan)
      for (const line of remarks(plan, files)) io.note(`note: ${line}`)
      // Before anything is stored or created: an agent that is not installed would fail every file.
      if (files.some((file) => !file.done)) await checkRoles(config, { 'batch agent': batchRole(config, io.env) })
      if (!json) io.note(summaryLine(plan, files))
      await new ResultsFile(config.results).prepare()
      const from = (await lastSeq(record.read)) + 1
      const run = await beginBatch(record, plan, files, lease)
      await workOnBatch(io, record, run, { json, verbose: flags.verbose === true, noWait: !flags.wait, from }, lease)
    }),
  )
}

function concurrencyFlag(value: string | undefined): number | null {
  const count = countFlag('--concurrency', value)
  if (count === null || count <= MAX_CONCURRENCY) return count
  throw new BelayError('usage', '--concurrency is too large', {
    expected: `a whole number from 1 to ${MAX_CONCURRENCY}`,
    received: String(count),
  })
}
