/** The model services that `--model PROVIDER/NAME` can name: wire format, address, and where their keys come from. */
import type { Api, Model, ProviderStreams } from '@earendil-works/pi-ai'

type Catalog = Readonly<Record<string, Model<Api>>>

export interface ModelProvider {
  /** Wire format of models that are not in the catalog. */
  readonly api: WireApi
  /** The service's address if no variable sets it; null: a variable must. */
  readonly baseUrl: string | null
  /** Environment variables that may hold the address; the first one that is set wins. */
  readonly baseUrlFrom: readonly string[]
  /** Environment variables that may hold an API key or a subscription's token. */
  readonly keysFrom: readonly string[]
  /** Environment variables that may hold a token to send as `Authorization: Bearer`. */
  readonly bearerFrom: readonly string[]
  /** Says what is wrong with a key without quoting it; null: nothing obvious. Absent: any text is accepted. */
  readonly keyProblem?: (key: string) => string | null
  /** false: works without a key, such as the user's own server. */
  readonly needsKey: boolean
  /** Context window in tokens of models that are not in the catalog. */
  readonly contextWindow: number
  /** Model to use if none is named and only this provider has a key; null: a model must be named. */
  readonly defaultModel: string | null
  /** Loads what is known about its models; null: nothing is. */
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

/** Loads the code of a wire format, when the first model call needs it. */
export async function loadWire(api: WireApi): Promise<ProviderStreams> {
  // Their logging would write a service's text to stderr unfiltered, where it could control the terminal.
  for (const name of ['OPENAI_LOG', 'ANTHROPIC_LOG']) process.env[name] ??= 'off'
  return WIRES[api]()
}

const KEYED = { baseUrlFrom: [], bearerFrom: [], needsKey: true, contextWindow: 128_000, defaultModel: null } as const

/** A service that speaks OpenAI's chat completions, with one key variable and a catalog. */
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

/** The token must name the account: it is a JWT, as `codex login` stores it. */
function codexTokenProblem(token: string): string | null {
  const [, claims = '', signature] = token.split('.')
  try {
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
    const account = (said['https://api.openai.com/auth'] as Record<string, unknown> | undefined)?.['chatgpt_account_id']
    if (signature !== undefined && typeof account === 'string' && account !== '') return null
  } catch {
    // reported below
  }
  return 'it is no access token of a ChatGPT subscription (tokens.access_token in auth.json of codex), or names no account'
}

export const MODEL_PROVIDER_NAMES: readonly string[] = Object.keys(MODEL_PROVIDERS)

/** Every variable that may hold a secret or the address of a model service; hidden from the commands that the agent runs. */
export const MODEL_VARIABLES: ReadonlySet<string> = new Set(
  Object.values(MODEL_PROVIDERS).flatMap(({ baseUrlFrom, keysFrom, bearerFrom }) => [
    ...baseUrlFrom,
    ...keysFrom,
    ...bearerFrom,
  ]),
)
