import type {
  Api,
  AssistantMessage,
  AssistantMessageEvent,
  Message,
  Model,
  SimpleStreamOptions,
  ThinkingLevel,
  Tool,
  TranscriptContext,
} from '@earendil-works/pi-ai'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { failureOf, type Failure, type HttpAnswer } from './failure.ts'
import { httpFetch } from './http.ts'
import { loadWire } from './providers.ts'
import type { ResolvedModel } from './resolve.ts'

export interface ModelRequest {
  readonly system: string
  readonly messages: readonly Message[]
  readonly tools: readonly Tool[]
  readonly effort: ThinkingLevel | null
  /** Id of the conversation, for the provider's cache. */
  readonly session: string
  readonly signal: AbortSignal
}

/** What came of one model call. A broken-off answer is there as far as it came. */
export type ModelAnswer =
  | { readonly ok: true; readonly message: AssistantMessage }
  | {
      readonly ok: false
      readonly aborted: boolean
      readonly failure: Failure
      readonly partial: AssistantMessage | null
    }

/** Calls a model once. Never throws; `onEvent` sees the answer grow. */
export type CallModel = (request: ModelRequest, onEvent: (event: AssistantMessageEvent) => void) => Promise<ModelAnswer>

type Stream = (
  model: Model<Api>,
  context: TranscriptContext,
  options: SimpleStreamOptions,
) => AsyncIterable<AssistantMessageEvent>

const BODY = 4096

/** How a resolved model is called. `load` is there for tests: it stands in for the provider's wire format. */
export function modelCaller(
  resolved: ResolvedModel,
  now: () => number = Date.now,
  load: () => Promise<Stream> = async () => (await loadWire(resolved.api)).streamSimple,
): CallModel {
  let stream: Promise<Stream> | undefined
  return async (request, onEvent) => {
    const http: { answer: HttpAnswer | null } = { answer: null }
    try {
      stream ??= load()
      const call = await stream
      const events = call(resolved.model, contextOf(request), optionsOf(resolved, request, http))
      for await (const event of events) {
        if (event.type === 'done') return { ok: true, message: event.message }
        if (event.type === 'error') {
          const said = event.error.errorMessage ?? 'the model call failed'
          return failed(said, http.answer, request.signal, now(), event.error)
        }
        onEvent(event)
      }
      return failed('the answer ended without an end', http.answer, request.signal, now(), null)
    } catch (error) {
      return failed(messageOf(error), http.answer, request.signal, now(), null)
    }
  }
}

function failed(
  said: string,
  http: HttpAnswer | null,
  signal: AbortSignal,
  now: number,
  partial: AssistantMessage | null,
): ModelAnswer {
  return { ok: false, aborted: signal.aborted, failure: failureOf(said, http, now), partial }
}

/** The wire formats take prompt and tools as a leading system message. */
function contextOf({ system, messages, tools }: ModelRequest): TranscriptContext {
  const leading = { role: 'system', content: system, toolsAdded: [...tools], timestamp: 0 } as const
  return { messages: [leading, ...messages] } as unknown as TranscriptContext
}

function optionsOf(
  { model, api, apiKey, headers }: ResolvedModel,
  request: ModelRequest,
  http: { answer: HttpAnswer | null },
): SimpleStreamOptions {
  return {
    signal: request.signal,
    sessionId: request.session,
    maxRetries: 0, // the loop tries again, and is seen to
    headers: { ...headers },
    ...(apiKey === null ? {} : { apiKey }),
    ...(request.effort === null || !model.reasoning ? {} : { reasoning: request.effort }),
    // Google's wire format takes no other fetch; it puts the whole error body into its message.
    ...(api === 'google-generative-ai' ? {} : { fetch: watched(http) }),
  }
}

/** `fetch` that keeps what the service says of a failure: the wire formats pass on the message only. */
function watched(http: { answer: HttpAnswer | null }): typeof globalThis.fetch {
  return async (input, init) => {
    http.answer = null
    const response = await httpFetch(input, init)
    if (!response.ok) {
      const body = head(await response.text(), BODY)
      http.answer = { status: response.status, headers: Object.fromEntries(response.headers), body }
    }
    return response
  }
}
