import type { Command } from 'commander'
import { Option } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { parseDuration } from '../../core/duration.ts'
import type { Access } from '../../core/words.ts'
import type { ExecLimits } from '../../exec/index.ts'
import { BACKENDS, type Network } from '../../sandbox/port.ts'
import { countFlag } from '../numbers.ts'

/** The flags for agent, permissions and limits; shared by `exec` and `chat`. */
export interface WorkFlags {
  agent?: string
  model?: string
  effort?: string
  access?: Access
  sandbox?: string
  network?: string
  definition?: string
  updatePolicy?: true
  maxSteps?: string
  budgetUsd?: string
  timeout?: string
  stall: string
}

export const ACCESSES: readonly Access[] = ['read-only', 'workspace-write', 'full']

export function addWorkFlags(command: Command): Command {
  return command
    .option('--agent <name>', 'the agent (see: belay agents); default: the implementer of belay.yaml, else the engine')
    .option('--model <model>', "PROVIDER/NAME for the engine, else in the agent's own words")
    .option('--effort <effort>', 'how hard the model thinks, where the agent has such a setting')
    .addOption(
      new Option(
        '--access <access>',
        'what it may do; default: as in the session before, else workspace-write',
      ).choices(ACCESSES),
    )
    .option(
      '--sandbox <name>',
      `how it is confined: ${BACKENDS.join(', ')}, or auto: os if it works here, else host; default: as in the session before, else as its role says, else auto`,
    )
    .option('--network <hosts>', 'what confined commands can reach: none, full, or hosts, separated by commas')
    .option('--definition <name>', 'agent definition of the engine: .belay/agents/NAME.md')
    .option(
      '--update-policy',
      'with a session: use the command policy that is configured now, not the one it began with',
    )
    .option('--max-steps <n>', 'end a turn after this many steps (model calls, or tool calls of other agents)')
    .option('--budget-usd <usd>', 'end a turn that costs this much')
    .option('--timeout <duration>', 'the longest that a turn may take; default: as the definition says, else 60m')
    .option('--stall <duration>', 'end a turn in which nothing happens for this long', '10m')
}

/** The limits from the flags. Throws `usage`. */
export function limitsOf(flags: WorkFlags): ExecLimits {
  return {
    timeoutMs: flags.timeout === undefined ? null : durationFlag('--timeout', flags.timeout),
    stallMs: durationFlag('--stall', flags.stall),
    maxSteps: countFlag('--max-steps', flags.maxSteps),
    budgetUsd: moneyFlag('--budget-usd', flags.budgetUsd),
  }
}

/** The network from `--network`; null if it was not given. Throws `usage`. */
export function networkFlag(text: string | undefined): Network | null {
  if (text === undefined) return null
  if (text === 'none' || text === 'full') return { mode: text }
  const hosts = text.split(',').map((host) => host.trim())
  if (hosts.every((host) => /^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?$/.test(host)))
    return { mode: 'hosts', hosts }
  throw new BelayError('usage', '--network takes none, full, or host names', {
    expected: 'none, full, or hosts such as api.example.com,*.example.org:443',
    received: text,
  })
}

/** The value of a flag, in ms. Throws `usage`. */
export function durationFlag(flag: string, text: string): number {
  const ms = parseDuration(text)
  if (ms !== null) return ms
  throw new BelayError('usage', `${flag} takes a duration with a unit`, {
    expected: 'a duration such as 90s, 10m or 1h30m',
    received: text,
  })
}

function moneyFlag(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (value > 0 && value <= 1_000_000) return value
  throw new BelayError('usage', `${flag} takes an amount of US dollars`, {
    expected: 'a number above 0, at most 1000000',
    received: text,
  })
}
