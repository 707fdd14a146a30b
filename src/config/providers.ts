/** The agents that `workflow.roles.X.provider` may name, and what each accepts. Add an agent here and it is configurable. */

export interface Provider {
  /** Accepted values of `effort`; empty when the agent has no such setting. */
  readonly efforts: readonly string[]
  /** `command` must be given (else it only replaces the program that is looked up). */
  readonly needsCommand: boolean
  /** It is part of Belay: `command` is refused, and there is nothing to look for. */
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

/** Agents that are programs under a name of their own, which can be found on PATH. */
export const PROGRAM_NAMES: readonly ProviderName[] = PROVIDER_NAMES.filter((name) => {
  const { needsCommand, builtIn }: Provider = PROVIDERS[name]
  return !needsCommand && builtIn !== true
})

/** Who works when nothing says so. */
export const DEFAULT_PROVIDER: ProviderName = 'codex'

/** The provider of that name, or null when Belay does not know it. */
export function providerNamed(name: string): Provider | null {
  return Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name as ProviderName] : null
}
