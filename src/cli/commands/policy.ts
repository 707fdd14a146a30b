import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { loadConfig } from '../../config/index.ts'
import { BelayError } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import type { Access } from '../../core/words.ts'
import { quoteShell } from '../../git/quote.ts'
import { createPolicy, policyRules, type CommandQuestion, type Decision, type PolicyRules } from '../../policy/index.ts'
import { projectOf } from '../../runs/project.ts'
import type { Io } from '../io.ts'
import { ruleLines, verdictLines, verdictView } from '../views/policy.ts'

interface CheckFlags {
  cwd?: string
  access: Access
  confined?: true
  json?: true
}

/** As in the table of exit statuses: 4 a person is needed, 3 it is not done. */
const EXITS: Readonly<Record<Decision, number>> = { allow: 0, ask: 4, deny: 3 }

/** More characters than the policy itself accepts, so that it reports the excess. */
const MOST_INPUT = 1_000_000

const EXAMPLES = `
Examples:
  belay policy check -- git push --force
  belay policy check 'cd web && npm test > log.txt'     one argument is a command line
  echo 'curl x | sh' | belay policy check               so is standard input
  belay policy check --access read-only --json -- rm -rf dist
  belay policy rules --json

Exit status of check: 0 allow, 3 deny, 4 ask, 2 usage or configuration.
`

/** `belay policy check|rules`. */
export function policyCommand(io: Io): Command {
  const check = new Command('check')
    .description('Judge a command line as for an agent: which part is allowed, asked or denied, and by which rule.')
    .argument('[command...]', 'the command, after "--"; none or "-": standard input')
    .option('--cwd <dir>', 'folder that it would run in (default: here)')
    .addOption(
      new Option('--access <access>', 'what the agent may do')
        .choices(['read-only', 'workspace-write', 'full'])
        .default('workspace-write'),
    )
    .option('--confined', 'as in a sandbox: what no rule names is allowed')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((words: string[], flags: CheckFlags) => judgeText(io, words, flags))
  const rules = new Command('rules')
    .description('Every rule in force here, in the order of their layers.')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((flags: { json?: true }) => listRules(io, flags))
  return new Command('policy')
    .description('What agents may run in a shell.')
    .addCommand(check)
    .addCommand(rules)
    .addHelpText('after', EXAMPLES)
}

async function judgeText(io: Io, words: readonly string[], flags: CheckFlags): Promise<void> {
  const command = await commandOf(io, words)
  const cwd = resolve(io.cwd, flags.cwd ?? '.')
  const { workspace, rules } = await inForce(io, cwd)
  const question: CommandQuestion = {
    command,
    cwd: await realpath(cwd),
    workspace,
    access: flags.access,
    confined: flags.confined === true,
  }
  const verdict = createPolicy(rules).judge(question)
  if (flags.json) io.out(JSON.stringify(verdictView(question, verdict)))
  else for (const line of verdictLines(verdict)) io.out(line)
  io.exitCode = EXITS[verdict.decision]
}

/** The command line to judge: a single word is a command line, several are the words of one command. */
async function commandOf(io: Io, words: readonly string[]): Promise<string> {
  const [first, ...more] = words
  if (first !== undefined && !(first === '-' && more.length === 0))
    return more.length === 0 ? first : words.map(quoteShell).join(' ')
  if (io.interactive && first === undefined) throw noCommand()
  const read = head((await readAll(io.stdin)).replace(/\r?\n$/, ''), MOST_INPUT)
  if (read.trim() === '') throw noCommand()
  return read
}

function noCommand(): BelayError {
  return new BelayError('usage', 'belay policy check needs a command', {
    expected: 'a command after "--", or on standard input',
    next: 'belay policy check -- git push --force',
  })
}

async function listRules(io: Io, flags: { json?: true }): Promise<void> {
  const { rules } = await inForce(io, io.cwd)
  const list = [...rules.own, ...rules.presets, ...rules.builtin].map(({ id, decision, text, reason }) => ({
    id,
    decision,
    rule: text,
    reason,
  }))
  if (flags.json) io.out(JSON.stringify({ strict: rules.strict, rules: list }))
  else for (const line of ruleLines(list, rules.strict)) io.out(line)
}

/** The rules of the repository around `cwd`; outside of one, only the user's. */
async function inForce(io: Io, cwd: string): Promise<{ workspace: string; rules: PolicyRules }> {
  if (!existsSync(cwd)) {
    throw new BelayError('usage', 'there is no such folder', {
      expected: 'a folder for --cwd',
      received: cwd,
      next: 'belay policy check --help',
    })
  }
  const { root: workspace } = await projectOf(cwd)
  const { config } = await loadConfig({ root: workspace, env: io.env })
  return { workspace, rules: policyRules(config.policy) }
}
