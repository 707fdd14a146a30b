/** The keys of an agent in a role. */
import { z } from 'zod'
import { argv } from './command-keys.ts'
import { duration, hasNoNul, listOf, mapping, oneOf, text } from './leaves.ts'
import { DEFAULT_PROVIDER, PROVIDERS, PROVIDER_NAMES, type ProviderName } from './providers.ts'
import { sandboxKey } from './sandbox.ts'
import { DEFAULT_TIMEOUTS } from './timeouts.ts'

const effortsText = PROVIDER_NAMES.filter((provider) => PROVIDERS[provider].efforts.length > 0)
  .map((provider) => `${provider}: ${PROVIDERS[provider].efforts.join(', ')}`)
  .join('; ')

const ENV_NAME = 'a variable name (letters, digits and _, not beginning with a digit)'

/** The keys that set up an agent. */
export function roleKeys(work: string, access: 'read-only' | 'workspace-write') {
  return {
    provider: oneOf(...(PROVIDER_NAMES as [ProviderName, ...ProviderName[]]))
      .optional()
      .describe(
        `The agent that ${work}. Without it: \`command\` when \`command\` is given, else \`${DEFAULT_PROVIDER}\`. A layer that names another provider than the layers below drops their \`model\`, \`effort\` and \`command\`.`,
      )
      .meta({ default: DEFAULT_PROVIDER, examples: ['claude'] }),
    model: text()
      .optional()
      .describe(
        "The agent's model, in the agent's own words; without it, the agent's default. For `command` agents only a label in the record.",
      )
      .meta({ examples: ['gpt-5.5'] }),
    effort: text()
      .optional()
      .describe(`How hard the model thinks (${effortsText}).`)
      .meta({ examples: ['high'] }),
    timeout: duration()
      .default(DEFAULT_TIMEOUTS.turn)
      .describe('The longest that one turn may take.')
      .meta({ examples: ['90m'] }),
    stall: duration()
      .default(DEFAULT_TIMEOUTS.stall)
      .describe('A turn is ended when the agent says nothing at all for this long.')
      .meta({ examples: ['5m'] }),
    access: oneOf('read-only', 'workspace-write', 'full')
      .default(access)
      .describe('What the agent may do: only read, also write in its workspace, or anything.')
      .meta({ examples: ['read-only'] }),
    sandbox: sandboxKey('the agent is'),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: ENV_NAME }),
        z
          .string({ error: 'text (quote numbers), or null to remove the variable' })
          .refine(hasNoNul, { error: 'text without NUL characters' })
          .nullable(),
        { error: 'a mapping of variable names to text or null' },
      )
      .default({})
      .describe("Added to the agent's environment (`NAME: text`) or removed from it (`NAME: null`; TOML has no null).")
      .meta({ title: 'mapping', examples: [{ CLAUDE_CONFIG_DIR: '/home/me/.claude-work', HTTP_PROXY: null }] }),
    command: z
      .union([text('a command (text that is not empty)'), argv], {
        error: 'a list of arguments, or text for /bin/sh -c',
      })
      .optional()
      .describe(
        'Provider `command`: the program that speaks the command protocol, as a list of arguments or as text for `/bin/sh -c`. Other providers: a list that replaces the program looked up on PATH. A first argument with a slash is relative to the repository root.',
      )
      .meta({ title: 'text or list of arguments', examples: [['./tools/agent.sh', '--fast']] }),
  }
}

const AGENT = 'an agent\'s name or a mapping with "provider"'

/** The key for failover agents. */
export function failoverKey(provider: ReturnType<typeof roleKeys>['provider']) {
  const { model, effort, command } = roleKeys('', 'read-only')
  const plain = oneOf(...(PROVIDER_NAMES as [ProviderName, ...ProviderName[]]))
  const entry = z.union([plain, mapping({ provider, model, effort, command })], { error: AGENT })
  return listOf(entry.meta({ title: 'agent' }), 'agents')
    .default([])
    .describe(
      'Agents that take the turn, in this order, when the one before has used up its quota, is not there or is not logged in. Each a name, or a mapping with `provider`, `model`, `effort` and `command`; all else is as the role has it. The turn begins anew with the next agent; the reason is in `belay show` and `belay logs`.',
    )
    .meta({ examples: [['claude', { provider: 'codex', model: 'gpt-5.5' }]] })
}

/** A role of the workflow: its agent and its failover agents. */
export function role(work: string, access: 'read-only' | 'workspace-write') {
  const keys = roleKeys(work, access)
  return mapping({ ...keys, failover: failoverKey(keys.provider) })
    .prefault({})
    .describe(`Who ${work}.`)
}
