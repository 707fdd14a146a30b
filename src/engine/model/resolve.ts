import type { Api, Model } from '@earendil-works/pi-ai'
import { BelayError } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'
import { isWireApi, MODEL_PROVIDERS, MODEL_PROVIDER_NAMES, type ModelProvider, type WireApi } from './providers.ts'
import { providerNamed, type ModelFacts, type ModelServices } from './services.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** A model that can be called: what the wire format needs, and the key that pays for it. */
export interface ResolvedModel {
  /** The name that people see: `PROVIDER/NAME`. */
  readonly title: string
  readonly api: WireApi
  readonly model: Model<Api>
  /** null: a token in `headers` replaces it. */
  readonly apiKey: string | null
  /** The variable that holds the key or token; null: none is sent. */
  readonly keyFrom: string | null
  readonly headers: Readonly<Record<string, string>>
  /** Whether its prices are known; if not, a price table is asked, and the cost may stay unknown. */
  readonly priced: boolean
}

/** Tools do not change within a conversation, and only the named model may answer. */
const PLAIN = { supportsMidConvoToolChanges: false, allowedFallbackModels: [] } as const

/** Most tokens of one answer if the catalog does not say. */
const MAX_ANSWER = 8192

/** Splits `PROVIDER/NAME`. NAME may contain slashes. Throws `model_unknown`. */
export function parseModelName(
  title: string,
  services: ModelServices = {},
): { readonly provider: string; readonly name: string } {
  const names = [...new Set([...MODEL_PROVIDER_NAMES, ...Object.keys(services)])]
  const slash = title.indexOf('/')
  const [provider, name] = slash < 0 ? ['', title] : [title.slice(0, slash), title.slice(slash + 1)]
  if (names.includes(provider) && name !== '') return { provider, name }
  const near = nearest(slash < 0 ? title : provider, names)
  throw new BelayError(
    'model_unknown',
    slash < 0
      ? `"${title}" does not say whose model it is`
      : names.includes(provider)
        ? `"${title}" names no model`
        : `there is no model provider "${provider}"`,
    {
      expected: `PROVIDER/NAME, with one of ${names.join(', ')}`,
      received: title,
      ...(near === null ? {} : { next: `--model ${near}/${slash < 0 || name === '' ? 'NAME' : name}` }),
    },
  )
}

/**
 * Resolves a model by name, with address and key from `env`; `services` adds configured services, whose keys are in `env` too.
 * Without a name it is the default model of the one provider that `env` has a key for. `contextWindow` overrides the known
 * window, in tokens. Throws `model_unknown`, `model_missing`, `model_no_key` or `model_no_address` with a hint; makes no
 * network call.
 */
export async function resolveModel(
  title: string | null,
  env: Environment,
  contextWindow: number | null = null,
  services: ModelServices = {},
): Promise<ResolvedModel> {
  const named = title ?? defaultModel(env)
  const { provider, name } = parseModelName(named, services)
  const known = providerNamed(provider, services, env) as ModelProvider
  const facts = factsOf(services[provider], name)
  const auth = authOf(provider, known, env)
  const catalogued = known.catalog === null ? undefined : (await known.catalog())[name]
  const api =
    catalogued !== undefined && isWireApi(catalogued.api) && provider !== 'openai-chat' ? catalogued.api : known.api
  const base = catalogued ?? unknownModel(provider, name, known, facts)
  return {
    title: named,
    api,
    model: {
      ...base,
      api,
      provider,
      baseUrl: addressOf(provider, known, env) ?? base.baseUrl,
      contextWindow: contextWindow ?? base.contextWindow,
      maxTokens: contextWindow === null ? base.maxTokens : Math.min(base.maxTokens, Math.floor(contextWindow / 4)),
      compat: api === base.api ? { ...base.compat, ...PLAIN } : {},
    },
    ...auth,
    priced:
      facts?.price != null || (catalogued !== undefined && Object.values(catalogued.cost).some((price) => price !== 0)),
  }
}

function factsOf(service: ModelServices[string] | undefined, name: string): ModelFacts | undefined {
  return service !== undefined && Object.hasOwn(service.models, name) ? service.models[name] : undefined
}

function unknownModel(provider: string, name: string, known: ModelProvider, facts: ModelFacts | undefined): Model<Api> {
  const contextWindow = facts?.contextWindow ?? known.contextWindow
  return {
    id: name,
    name,
    api: known.api,
    provider,
    baseUrl: known.baseUrl ?? '',
    reasoning: facts?.reasoning ?? false,
    input: ['text'],
    cost: facts?.price ?? { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow,
    maxTokens: facts?.maxOutput ?? Math.min(MAX_ANSWER, Math.floor(contextWindow / 4)),
  }
}

function addressOf(provider: string, known: ModelProvider, env: Environment): string | null {
  const set = first(known.baseUrlFrom, env)
  if (set === null) {
    if (known.baseUrl !== null) return null
    throw new BelayError('model_no_address', `no address is configured for the models of ${provider}`, {
      expected: `an address in ${known.baseUrlFrom.join(' or ')}, or under \`providers\` in the configuration`,
      next: `export ${known.baseUrlFrom[0]}=http://127.0.0.1:8080/v1`,
    })
  }
  if (!URL.canParse(set.value) || !/^https?:/.test(set.value)) {
    throw new BelayError('model_no_address', `${set.name} is not an address`, { expected: 'http(s)://HOST/PATH' })
  }
  const address = set.value.replace(/\/+$/, '')
  // Google's own SDK takes the address without the API version; the wire format needs it.
  return known.api === 'google-generative-ai' && new URL(address).pathname === '/' ? `${address}/v1beta` : address
}

function authOf(
  provider: string,
  known: ModelProvider,
  env: Environment,
): Pick<ResolvedModel, 'apiKey' | 'keyFrom' | 'headers'> {
  const bearer = first(known.bearerFrom, env)
  if (bearer) refuseUnsendable(bearer, provider)
  if (bearer) return { apiKey: null, keyFrom: bearer.name, headers: { Authorization: `Bearer ${bearer.value}` } }
  const key = first(known.keysFrom, env)
  const problem = key === null ? null : (known.keyProblem?.(key.value) ?? null)
  if (key !== null && problem !== null) {
    throw new BelayError('model_no_key', `${key.name} cannot be used: ${problem}`, {
      expected: `a key for ${provider}`,
    })
  }
  if (key) refuseUnsendable(key, provider)
  if (key) return { apiKey: key.value, keyFrom: key.name, headers: {} }
  if (!known.needsKey) return { apiKey: 'none', keyFrom: null, headers: {} }
  throw new BelayError('model_no_key', `there is no key for ${provider}`, {
    expected: `a key in ${[...known.keysFrom, ...known.bearerFrom].join(', ')}`,
    next: `export ${known.keysFrom[0]}=...`,
  })
}

/** Rejects keys that cannot be an HTTP header: two lines of a file, quotes from a word processor. */
function refuseUnsendable({ name, value }: { readonly name: string; readonly value: string }, provider: string): void {
  if (/^[\x20-\x7e]+$/.test(value)) return
  throw new BelayError('model_no_key', `${name} cannot be used: it holds a line feed, or a character that no key has`, {
    expected: `a key for ${provider}: one line of letters, digits and signs`,
  })
}

function defaultModel(env: Environment): string {
  const found = Object.entries(MODEL_PROVIDERS).flatMap(([provider, known]) =>
    known.defaultModel !== null && first([...known.keysFrom, ...known.bearerFrom], env) !== null
      ? [`${provider}/${known.defaultModel}`]
      : [],
  )
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  throw new BelayError(
    'model_missing',
    found.length === 0
      ? 'no model was named, and there is no key to choose one by'
      : 'no model was named, and there are keys for several',
    {
      expected: `--model PROVIDER/NAME, with one of ${MODEL_PROVIDER_NAMES.join(', ')}`,
      next: `--model ${only ?? 'anthropic/claude-sonnet-5'}`,
    },
  )
}

function first(names: readonly string[], env: Environment): { readonly name: string; readonly value: string } | null {
  for (const name of names) {
    const value = env[name]
    if (value !== undefined && value.trim() !== '') return { name, value: value.trim() }
  }
  return null
}
