/** The vocabulary of the scripted model: requests, replies, and their order. */

export interface ModelMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  /** Text; for a tool call `name(json)`; for a tool result, the result. */
  readonly text: string
}

/** One request to the model, in any wire format. */
export interface ModelRequest {
  readonly api: 'anthropic' | 'openai' | 'chat' | 'gemini'
  readonly model: string
  readonly effort: string | null
  readonly messages: readonly ModelMessage[]
  /** The text of all messages, in order. */
  readonly text: string
  /** Names of the available tools. */
  readonly tools: readonly string[]
  /** Request headers, by name in lower case. */
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
  /** A message that ends the turn, streamed in `pieces` parts of about equal length, `gapMs` apart (default: 1 part, 5 ms). */
  | { readonly say: string; readonly pieces?: number; readonly gapMs?: number; readonly usage?: ModelUsage }
  /** Calls tools, after a message if `say` is given. */
  | { readonly calls: readonly ToolCall[]; readonly say?: string; readonly usage?: ModelUsage }
  /** An HTTP error; the body defaults to what the provider sends for that status. */
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  /** Begins an answer, then drops the connection. */
  | { readonly disconnect: true }
  /** Never answers; ends when the client goes away or the server closes. */
  | { readonly hang: true }

export interface ModelUsage {
  readonly input: number
  readonly output: number
}

export interface Step {
  readonly reply: Reply | ((request: ModelRequest) => Reply)
  /** Checks the request before it is answered. An exception is answered as HTTP 400, and thrown again by `close`. */
  readonly expect?: (request: ModelRequest) => void
  /** This step also serves every later request of its route. Only for the last step. */
  readonly every?: boolean
}

/** Steps for the requests that `when` selects; the first matching route takes a request. */
export interface Route {
  readonly name: string
  readonly when: (request: ModelRequest) => boolean
  readonly steps: readonly Step[]
}

export interface ModelServerOptions {
  /** One conversation, in order; short for one route that takes everything. */
  readonly steps?: readonly Step[]
  /** Several conversations that may come in any order (several agents, several tasks). */
  readonly routes?: readonly Route[]
  /** Selects requests outside of the conversation (titles, summaries); they get a short text, and are recorded in `side`. */
  readonly isSide?: (request: ModelRequest) => boolean
}

export interface ModelServer {
  /** `http://127.0.0.1:PORT`, which is the base URL for Anthropic and Gemini; OpenAI's has `/v1` appended. */
  readonly url: string
  /** Requests that were given a step, in order of arrival. */
  readonly requests: readonly ModelRequest[]
  readonly side: readonly ModelRequest[]
  /** Resolves when step `index` (from 0) of the route (default: the first) has been requested. */
  reached(index: number, route?: string): Promise<void>
  /**
   * Closes all connections and stops. Rejects with every failed `expect`, every request for which no step was left and, unless
   * `unasked` is `allow`, every step that was never requested. Repeatable; only the first call reports.
   */
  close(options?: { readonly unasked: 'allow' | 'fail' }): Promise<void>
}
