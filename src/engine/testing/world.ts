/**
 * Runs a turn of the loop in tests: a scripted model behind the real wire types, tools made from functions, a clock that jumps.
 */
import type { AssistantMessage, AssistantMessageEvent } from '@earendil-works/pi-ai'
import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import type { LoopEvent } from '../events.ts'
import type { CallModel, ModelAnswer, ModelRequest } from '../model/call.ts'
import type { Failure } from '../model/failure.ts'
import { memoryHistory } from '../history/memory.ts'
import { DEFAULT_LIMITS } from '../limits.ts'
import { runLoop, type LoopReport } from '../loop.ts'
import type { LoopOptions } from '../loop-options.ts'
import type { History, Tool, ToolContext, ToolDemand, ToolResult } from '../port.ts'

export interface Said {
  readonly text?: string
  readonly thinking?: string
  readonly calls?: readonly { readonly name: string; readonly input?: Record<string, unknown>; readonly id?: string }[]
  readonly usage?: { readonly input: number; readonly output: number }
  readonly stop?: AssistantMessage['stopReason']
}

export interface Failing {
  readonly fail: Partial<Failure>
  readonly partial?: Said
}

/** What the model does for one request. */
export type Reply = Said | Failing | ((request: ModelRequest) => Said | Failing | Promise<Said>)

let calls = 0

export function message({ text, thinking, calls: wanted = [], usage, stop }: Said): AssistantMessage {
  const tokens = { input: usage?.input ?? 100, output: usage?.output ?? 10 }
  return {
    role: 'assistant',
    api: 'scripted',
    provider: 'scripted',
    model: 'm1',
    content: [
      ...(thinking === undefined ? [] : [{ type: 'thinking' as const, thinking }]),
      ...(text === undefined ? [] : [{ type: 'text' as const, text }]),
      ...wanted.map(({ name, input = {}, id }) => ({
        type: 'toolCall' as const,
        id: id ?? `c${(calls += 1)}`,
        name,
        arguments: input as never,
      })),
    ],
    usage: {
      ...tokens,
      cacheRead: 0,
      cacheWrite: 0,
      totalTokens: tokens.input + tokens.output,
      cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: (tokens.input + tokens.output) / 1000 },
    },
    stopReason: stop ?? (wanted.length > 0 ? 'toolUse' : 'stop'),
    timestamp: 0,
  }
}

/**
 * A model that replies in order. One request too many fails the test; `turn` also fails it for a reply that was not asked for.
 */
export function scriptedModel(replies: readonly Reply[]): CallModel & { readonly requests: ModelRequest[] } {
  const requests: ModelRequest[] = []
  const call: CallModel = async (request, onEvent): Promise<ModelAnswer> => {
    // The messages are a live view: the test needs them as they were.
    requests.push({ ...request, messages: structuredClone(request.messages) })
    const reply = replies[requests.length - 1]
    if (!reply) throw new Error(`no reply left for request ${requests.length}`)
    if (request.signal.aborted) return broken({ message: 'aborted' }, null, true)
    const said = typeof reply === 'function' ? await reply(request) : reply
    if ('fail' in said) return broken(said.fail, said.partial ? message(said.partial) : null, false)
    if (request.signal.aborted) return broken({ message: 'aborted' }, message(said), true)
    const answer = message(said)
    for (const event of deltas(answer)) onEvent(event)
    return { ok: true, message: answer }
  }
  return Object.assign(call, { requests })
}

function deltas(partial: AssistantMessage): AssistantMessageEvent[] {
  return partial.content.flatMap((part, contentIndex): AssistantMessageEvent[] =>
    part.type === 'text' ? [{ type: 'text_delta', contentIndex, delta: part.text, partial }] : [],
  )
}

function broken(failure: Partial<Failure>, partial: AssistantMessage | null, aborted: boolean): ModelAnswer {
  const whole: Failure = { kind: 'provider', message: 'broken', retryable: true, retryAt: null, ...failure }
  return { ok: false, aborted, failure: whole, partial }
}

export interface FakeTool {
  readonly name: string
  readonly effect?: Tool['effect']
  readonly demand?: ToolDemand
  readonly input?: z.ZodType
  run?(input: Record<string, unknown>, context: ToolContext): Promise<Partial<ToolResult>> | Partial<ToolResult>
}

export function tool(fake: FakeTool): Tool {
  return {
    name: fake.name,
    description: `the tool ${fake.name}`,
    input: fake.input ?? z.looseObject({}),
    effect: fake.effect ?? 'write',
    title: (input) => `${fake.name} ${JSON.stringify(input)}`,
    demand: () => Promise.resolve(fake.demand ?? { decision: 'allow', reason: '' }),
    async run(input, context) {
      const result = await fake.run?.(input as Record<string, unknown>, context)
      return { text: 'ok', isError: false, exitCode: null, changed: [], fullOutput: null, ...result }
    },
  }
}

/** A clock on which waiting takes no time. `waits` are the requested delays in ms. */
export function jumpingClock(): Clock & { readonly waits: number[]; pass(ms: number): void } {
  let now = Date.parse('2026-11-21T12:00:00Z')
  const waits: number[] = []
  return {
    waits,
    now: () => now,
    pass: (ms) => {
      now += ms
    },
    async sleepUntil(at, signal) {
      signal?.throwIfAborted()
      waits.push(at - now)
      now = Math.max(now, at)
      await Promise.resolve()
    },
  }
}

/** Stands for parts that tests of the loop never use. */
const NOTHING = {} as never

export function toolContext(more: Partial<ToolContext> = {}): ToolContext {
  return {
    sandbox: NOTHING,
    workspace: '/workspace',
    readable: [],
    env: {},
    policy: NOTHING,
    store: '/store',
    mark: 'test',
    signal: new AbortController().signal,
    ...more,
  }
}

export interface Ran {
  readonly report: LoopReport
  readonly events: readonly LoopEvent[]
  readonly entries: readonly unknown[]
  readonly requests: readonly ModelRequest[]
}

/** Runs one turn with the scripted replies. */
export async function turn(
  replies: readonly Reply[],
  more: Partial<Omit<LoopOptions, 'limits' | 'model'>> & {
    readonly limits?: Partial<LoopOptions['limits']>
    readonly model?: Partial<LoopOptions['model']>
    readonly allowUnasked?: boolean
  } = {},
): Promise<Ran> {
  const { limits, model, allowUnasked, ...rest } = more
  const call = scriptedModel(replies)
  const events: LoopEvent[] = []
  const history: History = rest.history ?? memoryHistory()
  const report = await runLoop({
    effort: null,
    system: 'You are a test.',
    task: 'Fix the leak.',
    outputCheck: null,
    outputForm: null,
    session: 's1',
    tools: [],
    hooks: [],
    context: toolContext(),
    asker: null,
    steer: null,
    retry: { retries: 3, baseMs: 1000, maxMs: 60_000 },
    costOf: () => null,
    clock: jumpingClock(),
    signal: new AbortController().signal,
    ...rest,
    emit: (event) => {
      events.push(event)
      rest.emit?.(event)
    },
    history,
    limits: { ...DEFAULT_LIMITS, ...limits },
    model: { title: 'scripted/m1', call, contextWindow: 200_000, maxAnswer: 8000, priced: true, ...model },
  })
  if (!allowUnasked && call.requests.length !== replies.length)
    throw new Error(`only ${call.requests.length} of ${replies.length} replies were asked for`)
  return { report, events, entries: await history.load(), requests: call.requests }
}

/** Everything a request says, as one text. */
export function textOfRequest({ messages }: ModelRequest): string {
  return messages
    .map(({ role, content }) => {
      if (typeof content === 'string') return `${role}: ${content}`
      return `${role}: ${content.map((part) => ('text' in part ? part.text : JSON.stringify(part))).join(' ')}`
    })
    .join('\n')
}
