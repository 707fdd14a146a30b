import { text } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import type { Config } from '../../config/index.ts'
import { BelayError } from '../../core/errors.ts'
import { isRunId } from '../../core/ids.ts'
import { workflowProgram } from '../../programs/workflow/index.ts'
import { lastSeq } from '../../record/index.ts'
import { refuseNested } from '../../runs/nested.ts'
import { projectOf } from '../../runs/project.ts'
import { durationFlag, numberFlag, wholeFlag } from '../../runs/resume.ts'
import { beginWorkflow } from '../../runs/workflow/begin.ts'
import { readInput } from '../../runs/workflow/input.ts'
import { planWorkflow } from '../../runs/workflow/plan.ts'
import { showRun } from '../../runs/workflow/shown.ts'
import { drawWorkflow, drawWorkflowMermaid, issueLine, workflowInvalid } from '../../workflows/index.ts'
import type { Io } from '../io.ts'
import { projectIdHere, selectRun, withRecord } from '../session.ts'
import { allWorkflows, openWorkflow } from '../workflow/open.ts'
import { issuesText, runText, summaryLine, validation } from '../workflow/text.ts'
import { workOnWorkflow } from '../workflow/work.ts'

const EXAMPLES = `
Examples:
  belay workflow run release --set version=1.2.0
  belay workflow validate .belay/workflows/release.yaml
  belay workflow show release --mermaid > release.mmd
  belay workflow list

A workflow is a YAML file of states (agent, switch, foreach, parallel, human_approval, timer, try, inject, transform). NAME means
.belay/workflows/NAME.yaml of the repository; anything with a slash or an ending is a path. docs/workflows.md describes all keys.
`

/** `belay workflow run|validate|show|list`. */
export function workflowCommand(io: Io): Command {
  return new Command('workflow')
    .description('Workflows in YAML, run durably: steps of agents, questions to people, timers.')
    .addCommand(runWorkflowCommand(io))
    .addCommand(validateCommand(io))
    .addCommand(showCommand(io))
    .addCommand(listCommand(io))
    .addHelpText('after', EXAMPLES)
}

function validateCommand(io: Io): Command {
  return new Command('validate')
    .description('Check a workflow: exit status 2 when it has an error. Runs nothing.')
    .argument('<name|path>', 'a workflow of this repository, or a file')
    .option('--json', 'as one JSON object')
    .action(async (wanted: string, flags: { json?: true }) => {
      const workflow = await openWorkflow(io, wanted)
      const valid = workflow.definition !== null
      if (flags.json) io.out(JSON.stringify(validation(workflow)))
      else for (const line of issuesText(workflow)) io.out(line)
      if (!valid) io.exitCode = 2
    })
}

function showCommand(io: Io): Command {
  return new Command('show')
    .description(
      'What a workflow does: its states and where each leads. Of a run: what came of each step, and where the work is.',
    )
    .argument('<name|path|run>', 'a workflow of this repository, a file, or the id of a run')
    .option('--mermaid', 'a workflow as a Mermaid flow chart')
    .option('--json', 'as one JSON object')
    .action(async (wanted: string, flags: { mermaid?: true; json?: true }) => {
      if (isRunId(wanted)) {
        if (flags.mermaid) throw new BelayError('usage', '--mermaid draws a workflow, not a run', { received: wanted })
        await showWorkflowRun(io, wanted, flags.json === true)
        return
      }
      const { definition, issues, called, file } = await openWorkflow(io, wanted)
      if (definition === null) throw workflowInvalid(called, issues)
      if (flags.json) io.out(JSON.stringify({ file, workflow: definition }))
      else io.out(flags.mermaid ? drawWorkflowMermaid(definition) : drawWorkflow(definition))
    })
}

async function showWorkflowRun(io: Io, id: string, json: boolean): Promise<void> {
  await withRecord(io, async (record) => {
    const run = await selectRun(record, await projectIdHere(io, record), id)
    if (run?.program !== workflowProgram.name) {
      throw new BelayError('run_unknown', `run ${id} is not the run of a workflow`, { next: `belay status ${id}` })
    }
    const shown = await showRun(record, run)
    if (json) io.out(JSON.stringify(shown))
    else for (const line of runText(shown)) io.out(line)
  })
}

function listCommand(io: Io): Command {
  return new Command('list')
    .description('The workflows of this repository (.belay/workflows).')
    .option('--json', 'as one JSON object')
    .action(async (flags: { json?: true }) => {
      const found = await allWorkflows(io)
      if (flags.json) io.out(JSON.stringify({ workflows: found }))
      else if (found.length === 0) io.out('There is no workflow in .belay/workflows.')
      else
        for (const one of found)
          io.out(`${one.name}${one.valid ? '' : ' (not valid)'}  ${one.description ?? ''}`.trimEnd())
    })
}

interface RunFlags {
  input?: string[]
  set?: string[]
  dryRun?: true
  concurrency?: string
  budgetUsd?: string
  budgetTokens?: string
  budgetWall?: string
  allowUnknownCost?: true
  wait: boolean
  json?: true
  verbose?: true
}

function runWorkflowCommand(io: Io): Command {
  return new Command('run')
    .description('Run a workflow. If it is interrupted, continue it with: belay resume.')
    .argument('<name|path>', 'a workflow of this repository, or a file')
    .addOption(
      new Option(
        '--input <file|key=value>',
        'the input, a JSON or YAML file (- reads standard input), or one value as with --set (repeatable)',
      ).argParser(collect),
    )
    .addOption(
      new Option('--set <key=value>', 'one input value, which wins over the file (repeatable)').argParser(collect),
    )
    .option('--dry-run', 'show the input, states, agents, limits and the first prompt; spend and write nothing')
    .option('--concurrency <n>', 'steps at the same time')
    .option('--budget-usd <amount>', 'suspend the run when its agents cost this much')
    .option('--budget-tokens <n>', 'suspend the run after this many tokens')
    .option('--budget-wall <duration>', 'suspend the run after this time, such as 2h')
    .option('--allow-unknown-cost', 'with a money limit: count only known costs')
    .option('--no-wait', 'leave (exit 5) instead of waiting for a timer or an exhausted quota')
    .option('--json', 'events as NDJSON on stdout')
    .option('--verbose', 'also show what agents say and do')
    .addHelpText('after', RUN_EXAMPLES)
    .action((wanted: string, flags: RunFlags) => runWorkflow(io, wanted, flags))
}

const RUN_EXAMPLES = `
Examples:
  belay workflow run release --set version=1.2.0
  belay workflow run release --dry-run --input version=1.2.0
  belay workflow run ./triage.yaml --input issue.json --json | jq 'select(.type == "run.finished") | .data.output'

Exit status: 0 done, 1 internal failure, 2 usage or set-up, 3 a step failed, 4 waits for a person, 5 suspended, 130 interrupted.
`

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

async function runWorkflow(io: Io, wanted: string, flags: RunFlags): Promise<void> {
  const project = await projectOf(io.cwd)
  const workflow = await openWorkflow(io, wanted)
  const { definition, issues, called } = workflow
  if (definition === null) throw workflowInvalid(called, issues)
  const input = await readInput(definition.input, {
    cwd: io.cwd,
    given: flags.input ?? [],
    set: flags.set ?? [],
    readStdin: () => text(io.stdin),
  })
  const plan = await planWorkflow({
    cwd: io.cwd,
    env: io.env,
    project,
    workflow: { file: workflow.file, definition },
    input,
    concurrency: wholeFlag('--concurrency', flags.concurrency, 64),
    budget: budgetOf(flags),
  })
  const json = flags.json === true
  for (const issue of issues) io.note(`note: ${issueLine(issue)}`)
  if (flags.dryRun) {
    const { dryRunWorkflow } = await import('../workflow/dry-run.ts')
    dryRunWorkflow(io, plan, json)
    return
  }
  if (!json) io.note(summaryLine(plan))
  await withRecord(io, async (record) => {
    await refuseNested(record, io.env, project.id)
    const from = (await lastSeq(record.read)) + 1
    const run = await beginWorkflow(record, plan)
    await workOnWorkflow(io, record, run, { json, verbose: flags.verbose === true, noWait: !flags.wait, from })
  })
}

function budgetOf(flags: RunFlags): Partial<Config['budget']> {
  const usd = numberFlag('--budget-usd', flags.budgetUsd)
  const tokens = wholeFlag('--budget-tokens', flags.budgetTokens, Number.MAX_SAFE_INTEGER)
  const wallMs = durationFlag('--budget-wall', flags.budgetWall)
  return {
    ...(usd === null ? {} : { usd }),
    ...(tokens === null ? {} : { tokens }),
    ...(wallMs === null ? {} : { wallMs }),
    ...(flags.allowUnknownCost ? { unknownCost: 'allow' as const } : {}),
  }
}
