import type { Agent, Capabilities } from '../../agents/port.ts'

/** A capability with its meaning, in the order of the table. */
interface Column {
  readonly key: string
  readonly means: string
  readonly value: (capabilities: Capabilities) => unknown
}

/**
 * Every capability that an adapter publishes. Because of `satisfies`, this does not compile while a new one is missing here.
 */
const COLUMNS = {
  structuredOutput: {
    key: 'structured_output',
    means: 'keeps to an output schema by itself',
    value: (c) => c.structuredOutput,
  },
  resume: { key: 'resume', means: 'a conversation can be taken up again', value: (c) => c.resume },
  interrupt: {
    key: 'interrupt',
    means: 'a turn can be ended so that the conversation stays usable',
    value: (c) => c.interrupt,
  },
  usage: {
    key: 'usage',
    means: 'what it says of its use: cost (reported), tokens only, or nothing',
    value: (c) => c.usage,
  },
  quota: { key: 'quota', means: 'names the time when its quota is back', value: (c) => c.quota },
  readOnly: { key: 'read_only', means: 'enforces read-only access itself', value: (c) => c.readOnly },
  model: { key: 'model', means: 'a model can be chosen', value: (c) => c.model },
  approvals: { key: 'approvals', means: 'asks before it does what is not allowed to it', value: (c) => c.approvals },
  steer: { key: 'steer', means: 'takes a message in the middle of a turn', value: (c) => c.steer },
  efforts: { key: 'efforts', means: 'accepted values of effort', value: (c) => c.efforts },
} satisfies Record<keyof Capabilities, Column>

export const CAPABILITIES: readonly Column[] = Object.values(COLUMNS)

/** What `belay agents list --json` prints. */
export function agentsView(agents: readonly Agent[]): {
  agents: { agent: string; capabilities: Record<string, unknown> }[]
} {
  return {
    agents: agents.map(({ provider, capabilities }) => ({
      agent: provider,
      capabilities: Object.fromEntries(CAPABILITIES.map(({ key, value }) => [key, value(capabilities)])),
    })),
  }
}

/** The capability table: a row per agent and a column per capability; the first row has the capabilities' names. */
export function capabilityTable(agents: readonly Agent[]): string[][] {
  return [
    ['agent', ...CAPABILITIES.map(({ key }) => key)],
    ...agents.map(({ provider, capabilities }) => [
      provider,
      ...CAPABILITIES.map(({ value }) => cell(value(capabilities))),
    ]),
  ]
}

function cell(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ')
  return String(value)
}
