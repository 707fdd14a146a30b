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
import type { AnswerForm } from './answer-form.ts'
import { failureOf, type Failure } from './failure.ts'
import { ENDLESS, PartialAnswer } from './partial-answer.ts'
import { loadWire } from './providers.ts'
import type { ResolvedModel } from './resolve.ts'
import { watchedFetch, watchingGlobalFetch, type LastResponse } from './watched-fetch.ts'

export interface ModelRequest {
  readonly system: string
  readonly messages: readonly Message[]
  readonly tools: readonly Tool[]
  readonly effort: ThinkingLevel | null
  /** How the answer is constrained to a schema; null: not at all. */
  readonly form: AnswerForm | null
  /** Id of the conversation, for the provider's cache. */
  readonly session: string
  readonly signal: AbortSignal
}

/** Result of one model call. `partial` holds what arrived of an interrupted answer. */
export type ModelAnswer =
  | { readonly ok: true; readonly message: AssistantMessage }
  | {
      readonly ok: false
      readonly aborted: boolean
      readonly failure: Failure
      readonly partial: AssistantMessage | null
    }

/** Calls a model once. Never rejects. `onEvent` sees the answer grow. */
export type CallModel = (request: ModelRequest, onEvent: (event: AssistantMessageEvent) => void) => Promise<ModelAnswer>

type Stream = (
  model: Model<Api>,
  context: TranscriptContext,
  options: SimpleStreamOptions,
) => AsyncIterable<AssistantMessageEvent>

/** Makes the function that calls a resolved model. `load` is for tests: it replaces the provider's wire format. */
export function modelCaller(
  resolved: ResolvedModel,
  now: () => number = Date.now,
  load: () => Promise<Stream> = async () => (await loadWire(resolved.api)).streamSimple,
): CallModel {
  let stream: Promise<Stream> | undefined
  return async (request, onEvent) => {
    const http: LastResponse = { answer: null, unreached: null }
    const own = new AbortController()
    const answer = new PartialAnswer(resolved)
    try {
      stream ??= load()
      const call = await stream
      const begin = (): ReturnType<Stream> =>
        call(resolved.model, contextOf(request), optionsOf(resolved, request, http, own.signal))
      const events = takesNoFetch(resolved) ? watchingGlobalFetch(http, begin) : begin()
      for await (const event of events) {
        if (event.type === 'done') return { ok: true, message: answer.complete(event.message) }
        if (event.type === 'error') {
          const said = event.error.errorMessage ?? 'the model call failed'
          return failed(said, http, request.signal, now(), event.error, resolved)
        }
        if (answer.add(event)) onEvent(event)
        else return endless(event)
      }
      return failed('the answer ended without an end', http, request.signal, now(), null, resolved)
    } catch (error) {
      return failed(messageOf(error), http, request.signal, now(), null, resolved)
    } finally {
      own.abort() // nobody reads the rest
    }
  }
}

function failed(
  said: string,
  { answer, unreached }: LastResponse,
  signal: AbortSignal,
  now: number,
  partial: AssistantMessage | null,
  resolved: ResolvedModel,
): ModelAnswer {
  // Messages of Node and of HTTP clients for a connection that the other side closed.
  const isCut = !signal.aborted && /^(aborted|terminated|socket hang up)$/.test(said)
  const isUnreached = answer === null && unreached !== null && /^connection error\.?$/i.test(said)
  const message = isCut ? 'the connection was cut before the answer ended' : isUnreached ? unreached : ofStream(said)
  const failure = failureOf(message, answer, now)
  const asked = answer === null ? null : whoRefused(failure, answer.status, resolved)
  return { ok: false, aborted: signal.aborted, failure: asked === null ? failure : { ...failure, asked }, partial }
}

/** Rewrites the wire formats' messages about a stream that ended early for people. */
function ofStream(said: string): string {
  return /^(\w+ )*stream ended (without|before) /i.test(said)
    ? `the answer ended before it was finished (${said})`
    : said
}

/** For failures that a retry cannot fix: which service answered, and which key it was asked with. */
function whoRefused({ kind }: Failure, status: number, { model, keyFrom }: ResolvedModel): string | null {
  if (kind !== 'auth' && kind !== 'invalid') return null
  const { origin, pathname } = new URL(model.baseUrl)
  const how = keyFrom === null ? 'without a key' : `with the key in ${keyFrom}`
  const key = kind === 'auth' ? `, asked ${how}` : ''
  return `${status} from ${origin}${pathname}${key}`
}

function endless(event: AssistantMessageEvent): ModelAnswer {
  const failure = { kind: 'provider', message: ENDLESS, retryable: false, retryAt: null } as const
  return { ok: false, aborted: false, failure, partial: 'partial' in event ? { ...event.partial, content: [] } : null }
}

/** The wire formats take prompt and tools as a leading system message. */
function contextOf({ system, messages, tools }: ModelRequest): TranscriptContext {
  const leading = { role: 'system', content: system, toolsAdded: [...tools], timestamp: 0 } as const
  return { messages: [leading, ...messages] } as unknown as TranscriptContext
}

function optionsOf(
  resolved: ResolvedModel,
  request: ModelRequest,
  http: LastResponse,
  own: AbortSignal,
): SimpleStreamOptions {
  const { model, apiKey, headers } = resolved
  const { form } = request
  return {
    signal: AbortSignal.any([request.signal, own]),
    sessionId: request.session,
    maxRetries: 0, // the loop retries, and reports it
    headers: { ...headers },
    ...(apiKey === null ? {} : { apiKey }),
    ...(request.effort === null || !model.reasoning ? {} : { reasoning: request.effort }),
    ...(form === null ? {} : { onPayload: (payload: unknown) => form.into(payload as Record<string, unknown>) }),
    ...(takesNoFetch(resolved) ? {} : { fetch: watchedFetch(http) }),
    // A WebSocket would bypass proxies and hide the service's rate limit headers.
    ...(resolved.api === 'openai-codex-responses' ? { transport: 'sse' as const } : {}),
  }
}

/** The wire format for Google only uses the global `fetch`. */
function takesNoFetch({ api }: ResolvedModel): boolean {
  return api === 'google-generative-ai'
}
