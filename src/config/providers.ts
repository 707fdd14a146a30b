/** The agents that `workflow.roles.X.provider` may name, and what each accepts. Adding an agent here makes it configurable. */

export interface Provider {
  /** Accepted values of `effort`; empty if the agent has no such setting. */
  readonly efforts: readonly string[]
  /** `command` is required (otherwise it only replaces the program that is looked up). */
  readonly needsCommand: boolean
  /** Part of Belay: there is no program to look up, and `command` is refused. */
  readonly builtIn?: true
}

export const PROVIDERS = {
  claude: { efforts: ['low', 'medium', 'high', 'xhigh', 'max'], needsCommand: false },
  codex: { efforts: ['minimal', 'low', 'medium', 'high', 'xhigh'], needsCommand: false },
  opencode: { efforts: [], needsCommand: false },
  pi: { efforts: ['off', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'], needsCommand: false },
  gemini: { efforts: [], needsCommand: false },
  'claude-acp': { efforts: ['low', 'medium', 'high', 'xhigh', 'max'], needsCommand: false },
  'codex-acp': { efforts: [], needsCommand: false },
  'opencode-acp': { efforts: [], needsCommand: false },
  acp: { efforts: [], needsCommand: true },
  command: { efforts: [], needsCommand: true },
  engine: { efforts: ['minimal', 'low', 'medium', 'high', 'xhigh'], needsCommand: false, builtIn: true },
} as const satisfies Record<string, Provider>

export type ProviderName = keyof typeof PROVIDERS

export const PROVIDER_NAMES = Object.keys(PROVIDERS) as readonly ProviderName[]

/** Agents that are programs of that name, which can be found on PATH. */
export const PROGRAM_NAMES: readonly ProviderName[] = PROVIDER_NAMES.filter((name) => {
  const { needsCommand, builtIn }: Provider = PROVIDERS[name]
  return !needsCommand && builtIn !== true
})

/** The agent for roles without a configured one. */
export const DEFAULT_PROVIDER: ProviderName = 'codex'

/** The provider of that name; null: Belay does not know it. */
export function providerNamed(name: string): Provider | null {
  return Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name as ProviderName] : null
}
