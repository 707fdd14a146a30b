import { Command } from 'commander'
import { agentEnvironment } from '../../agents/environment.ts'
import type { Agent, Probe } from '../../agents/port.ts'
import { BelayError, messageOf } from '../../core/errors.ts'
import { nearest, printable } from '../../core/text.ts'
import { loadConfig, type RoleConfig } from '../../config/index.ts'
import { findConfigFile } from '../../setup/index.ts'
import { listenForEnd } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { here } from '../session.ts'
import { CAPABILITIES, agentsView, capabilityTable } from '../views/agents.ts'
import { columns, oneLine } from '../views/format.ts'
import { liveTurn, type LiveView } from './agents-live.ts'

const EXAMPLES = `
Examples:
  belay agents                  what each agent can do
  belay agents probe codex      is it installed and logged in here?
  belay agents probe codex --live   takes one short real turn too, which may cost a little
  belay agents probe --json     the same of all agents, for a program
`

/** `belay agents [list|probe]`. */
export function agentsCommand(io: Io, agents: readonly Agent[]): Command {
  const list = (flags: { json?: true }): void => {
    if (flags.json) io.out(JSON.stringify(agentsView(agents)))
    else for (const line of listText(agents)) io.out(line)
  }
  const command = new Command('agents')
    .description('The agents that Belay can drive: what each can do, and whether it works here.')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(list)
  command.addCommand(
    new Command('list')
      .description('What each agent can do.')
      .option('--json', 'as one JSON object')
      .action((_: unknown, own: Command) => list(own.optsWithGlobals())),
  )
  command.addCommand(
    new Command('probe')
      .description(
        'Whether an agent (or every agent) is installed and logged in. Makes no paid call, except with --live. Exit 2 when NAME cannot be used.',
      )
      .argument('[name]', `name of an agent: ${agents.map((agent) => agent.provider).join(', ')}`)
      .option('--live', 'with NAME: also takes one short real turn in an empty folder, read-only, two minutes at most')
      .option('--json', 'as one JSON object')
      .addHelpText('after', EXAMPLES)
      .action(async (name: string | undefined, _: unknown, own: Command) => {
        const { json, live } = own.optsWithGlobals<{ json?: true; live?: true }>()
        if (live === true && name === undefined) {
          throw new BelayError('usage', '--live takes a turn that may cost money: it needs the name of one agent', {
            expected: 'belay agents probe NAME --live',
            next: 'belay agents list',
          })
        }
        await probe(io, agents, name ?? null, json === true, live === true)
      }),
  )
  return command
}

function listText(agents: readonly Agent[]): string[] {
  return [
    ...columns(capabilityTable(agents)),
    '',
    ...columns(CAPABILITIES.map(({ key, means }) => [key, means])),
    '',
    'Use one with: belay run --agent NAME, or workflow.roles.X.provider in belay.yaml.',
  ]
}

interface Probed {
  readonly agent: string
  readonly installed: boolean
  readonly path: string | null
  readonly version: string | null
  readonly logged_in: boolean | null
  readonly hint: string | null
  /** Only with --live, and only if it could be tried. */
  readonly live?: LiveView
}

async function probe(
  io: Io,
  agents: readonly Agent[],
  name: string | null,
  json: boolean,
  live: boolean,
): Promise<void> {
  const wanted = name === null ? agents : [find(agents, name)]
  const roles = await configuredRoles(io)
  const results = await Promise.all(wanted.map((agent) => probeOne(io, agent, roles, live)))
  const [only] = results
  if (json) io.out(JSON.stringify(name === null ? { agents: results } : only))
  else for (const one of results) for (const line of probeText(one)) io.out(line)
  if (name !== null && only !== undefined && !usable(only)) io.exitCode = 2
}

/** Probes the agent as this repository would start it: with the program and environment of the first role that uses it. */
async function probeOne(io: Io, agent: Agent, roles: readonly RoleConfig[], live: boolean): Promise<Probed> {
  const role = roles.find((one) => one.provider === agent.provider)
  const found: Probe = await agent.probe(agentEnvironment(io.env, role?.env), role?.command ?? null)
  const one = {
    agent: agent.provider,
    installed: found.installed,
    path: found.path,
    version: found.version,
    logged_in: found.loggedIn,
    hint: found.hint,
  }
  if (!live || !usable(one)) return one
  const end = listenForEnd(io)
  try {
    return { ...one, live: await liveTurn(io, agent, role, end.signal) }
  } finally {
    end.dispose()
  }
}

/**
 * Roles of this repository's configuration; none outside of a repository, without a file, or if it has errors (which are
 * reported).
 */
async function configuredRoles(io: Io): Promise<readonly RoleConfig[]> {
  try {
    const { root } = await here(io)
    if ((await findConfigFile(root)) === null) return []
    const { config } = await loadConfig({ root, env: io.env, set: [], flags: [], proposal: () => Promise.resolve('') })
    return Object.values(config.workflow.roles)
  } catch (error) {
    if (!(error instanceof BelayError)) throw error
    if (error.code !== 'no_repository')
      io.note(`note: looked at without the configuration: ${printable(messageOf(error))}`)
    return []
  }
}

function usable(one: Probed): boolean {
  return one.installed && one.logged_in !== false && one.live?.ok !== false
}

function probeText(one: Probed): string[] {
  const login = one.logged_in === null ? '' : one.logged_in ? ', logged in' : ', not logged in'
  const what = one.installed
    ? `${[one.path, one.version].filter((part) => part !== null).join(' ')}${login}`
    : one.path === null
      ? 'not installed'
      : `${one.path} does not run`
  return [
    `${one.agent}: ${printable(what)}`,
    ...(one.hint === null ? [] : [`  -> ${printable(one.hint)}`]),
    ...(one.live === undefined ? [] : [`  live: ${liveText(one.live)}`]),
  ]
}

function liveText({
  ok,
  text,
  duration_ms: ms,
  input_tokens: input,
  output_tokens: output,
  cost_usd: cost,
}: LiveView): string {
  const used = `${input} + ${output} tokens${cost === null ? '' : `, $${cost.toFixed(4)}`}`
  return `${ok ? 'answered' : 'failed'} after ${(ms / 1000).toFixed(1)} s (${used}): ${oneLine(text, 300)}`
}

function find(agents: readonly Agent[], name: string): Agent {
  const found = agents.find((agent) => agent.provider === name)
  if (found) return found
  const names = agents.map((agent) => agent.provider)
  const near = nearest(name, names)
  throw new BelayError('agent_unknown', `there is no agent "${name}"`, {
    expected: names.join(', '),
    received: name,
    next: near === null ? 'belay agents list' : `belay agents probe ${near}`,
  })
}
