/** Model services that a configuration adds to the built-in ones. */
import type { ModelProvider, WireApi } from './providers.ts'
import { MODEL_PROVIDERS } from './providers.ts'

/** The configuration's names for wire formats. */
export const SERVICE_APIS = ['openai-chat', 'openai-responses', 'anthropic', 'google'] as const
export type ServiceApi = (typeof SERVICE_APIS)[number]

export interface ModelService {
  readonly api: ServiceApi
  /** An http(s) URL without credentials. */
  readonly baseUrl: string
  /** The variable that holds its key; null: no key is needed. */
  readonly keyEnv: string | null
  /** What is known about its models, by name. */
  readonly models: Readonly<Record<string, ModelFacts>>
}

/** Sizes in tokens, prices in US dollars per million tokens; null: unknown. */
export interface ModelFacts {
  readonly contextWindow: number | null
  readonly maxOutput: number | null
  readonly reasoning: boolean
  readonly price: {
    readonly input: number
    readonly output: number
    readonly cacheRead: number
    readonly cacheWrite: number
  } | null
}

/** Services by the name before the slash in `--model`. */
export type ModelServices = Readonly<Record<string, ModelService>>

/** Built-in names whose address is the user's own anyway, so that a configuration may set it. */
export const OPEN_NAMES: readonly string[] = ['openai-compatible', 'ollama']

const WIRES: Readonly<Record<ServiceApi, { readonly api: WireApi; readonly contextWindow: number }>> = {
  'openai-chat': { api: 'openai-completions', contextWindow: 32_768 },
  'openai-responses': { api: 'openai-responses', contextWindow: 128_000 },
  anthropic: { api: 'anthropic-messages', contextWindow: 200_000 },
  google: { api: 'google-generative-ai', contextWindow: 1_000_000 },
}

/**
 * The service of that name: the configured one, unless a variable sets the address of the built-in one. undefined: no such
 * service.
 */
export function providerNamed(
  name: string,
  services: ModelServices,
  env: Readonly<Record<string, string | undefined>>,
): ModelProvider | undefined {
  const known = Object.hasOwn(MODEL_PROVIDERS, name) ? MODEL_PROVIDERS[name] : undefined
  const service = Object.hasOwn(services, name) ? services[name] : undefined
  if (service === undefined || known?.baseUrlFrom.some((variable) => (env[variable] ?? '').trim() !== '') === true)
    return known
  return {
    ...WIRES[service.api],
    baseUrl: service.baseUrl,
    baseUrlFrom: [],
    keysFrom: service.keyEnv === null ? [] : [service.keyEnv],
    bearerFrom: [],
    needsKey: service.keyEnv !== null,
    defaultModel: null,
    catalog: null,
  }
}
