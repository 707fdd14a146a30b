/** The model services that `--model PROVIDER/NAME` may name: their wire format, where they are, and what they are paid with. */
import type { Api, Model, ProviderStreams } from '@earendil-works/pi-ai'

type Catalog = Readonly<Record<string, Model<Api>>>

export interface ModelProvider {
  /** Wire format of models that the catalog does not know. */
  readonly api: WireApi
  /** Where the service is, when no variable says otherwise; null: a variable must. */
  readonly baseUrl: string | null
  /** Environment variables that may hold its address, first that is set wins. */
  readonly baseUrlFrom: readonly string[]
  /** Variables that may hold an API key or a subscription's token. */
  readonly keysFrom: readonly string[]
  /** Variables that may hold a token to be sent as `Authorization: Bearer`. */
  readonly bearerFrom: readonly string[]
  /** What is wrong with a key, in words that do not hold it; null: nothing that can be seen. Absent: any text will do. */
  readonly keyProblem?: (key: string) => string | null
  /** False: works without a key (a server of one's own). */
  readonly needsKey: boolean
  /** Context window of models that the catalog does not know, in tokens. */
  readonly contextWindow: number
  /** Used when only this provider's key is there and no model was named; null: a model must be named. */
  readonly defaultModel: string | null
  /** What is known of its models. */
  readonly catalog: (() => Promise<Catalog>) | null
}

const WIRES = {
  'anthropic-messages': () => import('@earendil-works/pi-ai/api/anthropic-messages'),
  'openai-responses': () => import('@earendil-works/pi-ai/api/openai-responses'),
  'openai-completions': () => import('@earendil-works/pi-ai/api/openai-completions'),
  'google-generative-ai': () => import('@earendil-works/pi-ai/api/google-generative-ai'),
  'openai-codex-responses': () => import('@earendil-works/pi-ai/api/openai-codex-responses'),
} as const

export type WireApi = keyof typeof WIRES

export function isWireApi(api: string): api is WireApi {
  return Object.hasOwn(WIRES, api)
}

/** The code of a wire format; loaded when the first model call needs it. */
export async function loadWire(api: WireApi): Promise<ProviderStreams> {
  // They would write what a service sends to stderr as it is: it could steer a terminal.
  for (const name of ['OPENAI_LOG', 'ANTHROPIC_LOG']) process.env[name] ??= 'off'
  return WIRES[api]()
}

const KEYED = { baseUrlFrom: [], bearerFrom: [], needsKey: true, contextWindow: 128_000, defaultModel: null } as const

/** A service that speaks OpenAI's chat completions, known by its key and the catalog. */
function hosted(baseUrl: string, key: string, catalog: () => Promise<Catalog>): ModelProvider {
  return { ...KEYED, api: 'openai-completions', baseUrl, keysFrom: [key], catalog }
}

const OPENAI = {
  ...KEYED,
  baseUrl: 'https://api.openai.com/v1',
  baseUrlFrom: ['OPENAI_BASE_URL'],
  keysFrom: ['OPENAI_API_KEY'],
  catalog: async (): Promise<Catalog> => (await import('@earendil-works/pi-ai/providers/openai.models')).OPENAI_MODELS,
} as const

export const MODEL_PROVIDERS: Readonly<Record<string, ModelProvider>> = {
  anthropic: {
    ...KEYED,
    api: 'anthropic-messages',
    baseUrl: 'https://api.anthropic.com',
    baseUrlFrom: ['ANTHROPIC_BASE_URL'],
    keysFrom: ['ANTHROPIC_API_KEY', 'ANTHROPIC_OAUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
    bearerFrom: ['ANTHROPIC_AUTH_TOKEN'],
    contextWindow: 200_000,
    defaultModel: 'claude-sonnet-5',
    catalog: async () => (await import('@earendil-works/pi-ai/providers/anthropic.models')).ANTHROPIC_MODELS,
  },
  openai: { ...OPENAI, api: 'openai-responses', defaultModel: 'gpt-5.5' },
  'openai-chat': { ...OPENAI, api: 'openai-completions' },
  'openai-codex': {
    ...KEYED,
    api: 'openai-codex-responses',
    baseUrl: 'https://chatgpt.com/backend-api',
    baseUrlFrom: ['OPENAI_CODEX_BASE_URL'],
    keysFrom: ['OPENAI_CODEX_TOKEN'],
    keyProblem: codexTokenProblem,
    contextWindow: 272_000,
    catalog: async () => (await import('@earendil-works/pi-ai/providers/openai-codex.models')).OPENAI_CODEX_MODELS,
  },
  google: {
    ...KEYED,
    api: 'google-generative-ai',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    baseUrlFrom: ['GOOGLE_GEMINI_BASE_URL'],
    keysFrom: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    contextWindow: 1_000_000,
    defaultModel: 'gemini-2.5-pro',
    catalog: async () => (await import('@earendil-works/pi-ai/providers/google.models')).GOOGLE_MODELS,
  },
  'openai-compatible': {
    ...KEYED,
    api: 'openai-completions',
    baseUrl: null,
    baseUrlFrom: ['OPENAI_BASE_URL'],
    keysFrom: ['OPENAI_API_KEY'],
    needsKey: false,
    contextWindow: 32_768,
    catalog: null,
  },
  ollama: {
    ...KEYED,
    api: 'openai-completions',
    baseUrl: 'http://127.0.0.1:11434/v1',
    baseUrlFrom: ['OLLAMA_BASE_URL'],
    keysFrom: ['OLLAMA_API_KEY'],
    needsKey: false,
    contextWindow: 32_768,
    catalog: null,
  },
  cerebras: hosted(
    'https://api.cerebras.ai/v1',
    'CEREBRAS_API_KEY',
    async () => (await import('@earendil-works/pi-ai/providers/cerebras.models')).CEREBRAS_MODELS,
  ),
  deepseek: hosted(
    'https://api.deepseek.com',
    'DEEPSEEK_API_KEY',
    async () => (await import('@earendil-works/pi-ai/providers/deepseek.models')).DEEPSEEK_MODELS,
  ),
  groq: hosted(
    'https://api.groq.com/openai/v1',
    'GROQ_API_KEY',
    async () => (await import('@earendil-works/pi-ai/providers/groq.models')).GROQ_MODELS,
  ),
  openrouter: hosted(
    'https://openrouter.ai/api/v1',
    'OPENROUTER_API_KEY',
    async () => (await import('@earendil-works/pi-ai/providers/openrouter.models')).OPENROUTER_MODELS,
  ),
  xai: hosted(
    'https://api.x.ai/v1',
    'XAI_API_KEY',
    async () => (await import('@earendil-works/pi-ai/providers/xai.models')).XAI_MODELS,
  ),
}

/** The account is named in the token itself: a JWT as `codex login` stores it. */
function codexTokenProblem(token: string): string | null {
  const [, claims = '', signature] = token.split('.')
  try {
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
    const account = (said['https://api.openai.com/auth'] as Record<string, unknown> | undefined)?.['chatgpt_account_id']
    if (signature !== undefined && typeof account === 'string' && account !== '') return null
  } catch {
    // told below
  }
  return 'it is no access token of a ChatGPT subscription (tokens.access_token in auth.json of codex), or names no account'
}

export const MODEL_PROVIDER_NAMES: readonly string[] = Object.keys(MODEL_PROVIDERS)

/** Every variable that may hold a secret or an address of a model service: commands that the agent runs are not given them. */
export const MODEL_VARIABLES: ReadonlySet<string> = new Set(
  Object.values(MODEL_PROVIDERS).flatMap(({ baseUrlFrom, keysFrom, bearerFrom }) => [
    ...baseUrlFrom,
    ...keysFrom,
    ...bearerFrom,
  ]),
)
