import { Command, Option } from 'commander'
import { text } from 'node:stream/consumers'
import { PROVIDER_NAMES, type FlagValue } from '../../config/index.ts'
import { refuseNested } from '../../runs/nested.ts'
import { planRun, type RunRequest } from '../../runs/plan.ts'
import type { RunOptions } from '../../runs/services.ts'
import { startRun } from '../../runs/start.ts'
import type { Io } from '../io.ts'
import { dryRun } from '../run/dry-run.ts'
import { announce } from '../run/announce.ts'
import { workOn } from '../run/work-on.ts'
import { withRecord } from '../session.ts'
import { proposeFor } from '../run/propose.ts'

interface Flags {
  prompt?: string
  feature?: string
  until?: string
  into?: string
  concurrency?: string
  agent?: string
  implementer?: string
  reviewer?: string
  model?: string
  maxIterations?: string
  set?: string[]
  dryRun?: true
  wait: boolean
  commitSource?: true
  keepGoing?: true
  acceptRedBaseline?: true
  allowAbsentGates?: true
  budgetUsd?: string
  budgetTokens?: string
  budgetWall?: string
  json?: true
  verbose?: true
}

/** `belay run [ARG]`. */
export function runCommand(io: Io): Command {
  return new Command('run')
    .description('Do the tasks of a feature, or a prompt: each becomes one proven, reviewed commit.')
    .argument('[what]', 'path of a feature, a prompt of several words, or - for a prompt from stdin')
    .option('--prompt <text>', 'a prompt, even of one word')
    .option('--feature <name>', 'the feature or change to work on')
    .option('--until <task>', 'only this task and what it depends on')
    .option('--into <branch>', 'branch that follows the result (default: the current branch)')
    .option('--concurrency <n>', 'tasks at the same time (default: 1)')
    .option('--agent <name>', `agent for both roles: ${PROVIDER_NAMES.join(', ')}`)
    .option('--implementer <name>', 'agent that writes the change')
    .option('--reviewer <name>', 'agent that reviews it')
    .option('--model <name>', 'model for both roles')
    .option('--max-iterations <n>', 'attempts per task (1 to 20, default: 5)')
    .addOption(new Option('--set <key=value>', 'set a configuration key (repeatable)').argParser(collect))
    .option('--dry-run', 'show what would be done; spend and write nothing')
    .option('--no-wait', 'leave (exit 5) instead of waiting for an exhausted quota')
    .option('--commit-source', "commit the feature's uncommitted files first")
    .option('--keep-going', 'a blocked task holds back only the tasks that name it as a dependency')
    .option('--accept-red-baseline', 'start even if a gate fails on the base without naming tests')
    .option('--allow-absent-gates', 'start even if no gate can run on the base yet')
    .option('--budget-usd <amount>', 'suspend the run when its agents cost this much')
    .option('--budget-tokens <n>', 'suspend the run after this many tokens')
    .option('--budget-wall <duration>', 'suspend the run after this time, such as 8h')
    .option('--json', 'events as NDJSON on stdout')
    .option('--verbose', 'also show what agents say and do')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string | undefined, flags: Flags) => {
      await runTasks(io, what ?? null, flags)
    })
}

const EXAMPLES = `
Examples:
  belay run                                  the feature of this branch, or the only one
  belay run specs/003-search --until T012    part of a feature
  belay run "Fix the crash on empty input" --agent codex
  cat issue.md | belay run -
  belay run --dry-run                        tasks, gates, limits and the first prompt

Exit status: 0 done, 1 internal failure, 2 usage or set-up, 3 blocked, 4 waits for a person, 5 suspended, 130 interrupted.
`

function collect(value: string, all: string[] | undefined): string[] {
  return [...(all ?? []), value]
}

async function runTasks(io: Io, what: string | null, flags: Flags): Promise<void> {
  const plan = await planRun(requestOf(io, what, flags))
  const options: RunOptions = {
    until: plan.until,
    keepGoing: flags.keepGoing === true,
    noWait: !flags.wait,
    acceptRedBaseline: flags.acceptRedBaseline === true,
    allowAbsentGates: flags.allowAbsentGates === true,
    sign: plan.sign,
  }
  if (flags.dryRun) {
    await dryRun(io, plan, options, flags.json === true)
    return
  }
  await withRecord(io, async (record) => {
    await refuseNested(record, io.env, plan.repository.id)
    await announce(io, plan, flags.json === true)
    const { run, target } = await startRun(record, plan, options)
    await workOn(io, record, plan.repository, run, {
      json: flags.json === true,
      verbose: flags.verbose === true,
      noWait: !flags.wait,
      target,
    })
  })
}

function requestOf(io: Io, what: string | null, flags: Flags): RunRequest {
  return {
    cwd: io.cwd,
    env: io.env,
    arg: what,
    prompt: flags.prompt ?? null,
    feature: flags.feature ?? null,
    until: flags.until ?? null,
    into: flags.into ?? null,
    set: flags.set ?? [],
    flags: configFlags(flags),
    commitSource: flags.commitSource === true,
    dryRun: flags.dryRun === true,
    readStdin: () => text(io.stdin),
    propose: (root) => proposeFor(io, root),
  }
}

/** Flags that set configuration keys. */
function configFlags(flags: Flags): FlagValue[] {
  const roles = ['implementer', 'reviewer'] as const
  const values: (FlagValue | null)[] = [
    ...roles.map((role) =>
      flag(
        `--${flags[role] === undefined ? 'agent' : role}`,
        `workflow.roles.${role}.provider`,
        flags[role] ?? flags.agent,
      ),
    ),
    ...roles.map((role) => flag('--model', `workflow.roles.${role}.model`, flags.model)),
    flag('--max-iterations', 'task.max_iterations', flags.maxIterations),
    flag('--concurrency', 'concurrency', flags.concurrency),
    flag('--budget-usd', 'budget.usd', flags.budgetUsd),
    flag('--budget-tokens', 'budget.tokens', flags.budgetTokens),
    flag('--budget-wall', 'budget.wall', flags.budgetWall),
  ]
  return values.filter((value) => value !== null)
}

function flag(name: string, key: string, value: string | undefined): FlagValue | null {
  if (value === undefined) return null
  // A number becomes one, as in the file; anything else stays text, so that the schema refuses it with the key's name.
  return { flag: name, key, value: /^\d+(\.\d+)?$/.test(value) && key !== 'budget.wall' ? Number(value) : value }
}
