/** The words of the scripted model: what it was asked, what it does, in what order. */

export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  /** Text, or for tool calls `name(json)`, or for tool results what came back. */
  readonly text: string
}

/** One request to the model, whichever wire it came by. */
export interface ModelRequest {
  readonly api: 'anthropic' | 'openai' | 'chat' | 'gemini'
  readonly model: string
  readonly effort: string | null
  readonly messages: readonly ModelMessage[]
  /** All messages' text, in order. */
  readonly text: string
  /** Names of the tools on offer. */
  readonly tools: readonly string[]
  /** Sent along by name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The whole body as sent. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface ToolCall {
  readonly name: string
  /** An object for a function tool; a string for a freeform tool (OpenAI only). */
  readonly input: Readonly<Record<string, unknown>> | string
}

/** What the model does with one request. */
export type Reply =
  /** A message that ends the turn, streamed in `pieces` of about equal length, `gapMs` apart (default 1 piece, 5 ms). */
  | { readonly say: string; readonly pieces?: number; readonly gapMs?: number; readonly usage?: ModelUsage }
  /** Calls tools, with a message before them when `say` is given. */
  | { readonly calls: readonly ToolCall[]; readonly say?: string; readonly usage?: ModelUsage }
  /** An HTTP error; the body defaults to what the provider sends for that status. */
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Begins an answer, then drops the connection. */
  | { readonly disconnect: true }
  /** Takes the request and never answers; ends when the client goes or the server closes. */
  | { readonly hang: true }

export interface ModelUsage {
  readonly input: number
  readonly output: number
}

export interface Step {
  readonly reply: Reply | ((request: ModelRequest) => Reply)
  /** Checks the request before it is answered. What it throws is answered as HTTP 400 and thrown again by `close`. */
  readonly expect?: (request: ModelRequest) => void
  /** This step serves every later request of its route too. Only for the last step. */
  readonly every?: boolean
}

/** Steps for the requests that `when` picks: the first route that fits takes a request. */
export interface Route {
  readonly name: string
  readonly when: (request: ModelRequest) => boolean
  readonly steps: readonly Step[]
}

export interface ModelServerOptions {
  /** One conversation, in order. Shorthand for one route that takes everything. */
  readonly steps?: readonly Step[]
  /** Several conversations that may come in any order (several agents, several tasks). */
  readonly routes?: readonly Route[]
  /** Requests that agents make beside the conversation (titles, summaries); answered with a short text, recorded in `side`. */
  readonly isSide?: (request: ModelRequest) => boolean
}

export interface ModelServer {
  /** `http://127.0.0.1:PORT`: Anthropic's base URL. OpenAI's is this with `/v1`. Gemini's is this too. */
  readonly url: string
  /** Requests that were given a step, in order of arrival. */
  readonly requests: readonly ModelRequest[]
  readonly side: readonly ModelRequest[]
  /** Resolves when step `index` (from 0) of the route (default: the first) has been asked for. */
  reached(index: number, route?: string): Promise<void>
  /**
   * Ends all connections and stops. Rejects with every failed `expect`, every request that no step was left for and, unless
   * `unasked` is `allow`, every step that was never asked for. Safe to repeat; only the first call reports.
   */
  close(options?: { readonly unasked: 'allow' | 'fail' }): Promise<void>
}
