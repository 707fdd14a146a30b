import type { Usage } from '../core/words.ts'
import type { Agent, TurnEnd, TurnEvent, TurnRequest } from './port.ts'

/** A turn without supervision: no approver, no messages, and a program that is started plainly, for this turn only. */
export const ALONE = {
  approve: null,
  steer: null,
  spawn: null,
  standing: false,
} as const satisfies Partial<TurnRequest>

export interface TurnLimits {
  /** Wall time of the whole turn, in ms. */
  readonly timeoutMs: number
  /** The longest time without any event, in ms. Waiting for the answer to an approval request does not count. */
  readonly stallMs: number
}

/** How a turn ended for its caller. `timeout` and `stall`: Belay ended it. */
export type TurnOutcome = TurnEnd | { readonly status: 'timeout' | 'stall'; readonly afterMs: number }

export interface TurnReport {
  readonly outcome: TurnOutcome
  /** Native id of the conversation, for resuming it. */
  readonly native: string | null
  readonly model: string | null
  /** Sum of what was reported. `costUsd` is null if no part had a cost. */
  readonly usage: Usage
}

export type TurnObserver = (event: TurnEvent) => Promise<void>

/** How long an agent may take to end after its turn is aborted, in ms. */
const GRACE_MS = 5000

/**
 * Takes one turn of an agent and enforces its limits. Every event is passed to `observe`, in order, before the next one is
 * read. If `observe` throws, the turn is aborted, and the error is thrown once the agent has ended. Nothing else makes this
 * reject, except an agent that breaks the port.
 */
export async function takeTurn(
  agent: Agent,
  request: Omit<TurnRequest, 'signal' | 'graceMs'>,
  limits: TurnLimits,
  signal: AbortSignal,
  observe: TurnObserver,
): Promise<TurnReport> {
  const started = performance.now()
  const stop = new AbortController()
  let late: 'timeout' | 'stall' | null = null
  const expire = (why: 'timeout' | 'stall') => (): void => {
    late ??= why
    stop.abort()
  }
  const timeout = setTimeout(expire('timeout'), limits.timeoutMs)
  let stall = setTimeout(expire('stall'), limits.stallMs)
  const asked = new Set<string>()
  const session = { native: request.resume, model: request.model }
  const sum = { inputTokens: 0, outputTokens: 0, costUsd: null as number | null }
  let end: TurnEnd | undefined
  let refused: { readonly error: unknown } | undefined
  try {
    const events = agent.turn({ ...request, signal: AbortSignal.any([signal, stop.signal]), graceMs: GRACE_MS })
    for await (const event of events) {
      if (event.type === 'approval') {
        if (event.state === 'asked') asked.add(event.request.id)
        else asked.delete(event.request.id)
        clearTimeout(stall)
        if (asked.size === 0) stall = setTimeout(expire('stall'), limits.stallMs)
      } else if (asked.size === 0) stall.refresh()
      if (event.type === 'end') end = event.end
      if (event.type === 'session') {
        session.native = event.native ?? session.native
        session.model = event.model ?? session.model
      }
      if (event.type === 'usage') add(sum, event.usage)
      if (refused) continue // keep reading until the agent has ended, so that nothing is left running
      try {
        await observe(event)
      } catch (error) {
        refused = { error }
        stop.abort()
      }
    }
  } finally {
    clearTimeout(timeout)
    clearTimeout(stall)
  }
  if (refused) throw refused.error
  if (!end) throw new Error(`agent ${agent.provider} ended a turn without an end event`)
  const afterMs = Math.round(performance.now() - started)
  const outcome: TurnOutcome = late !== null && end.status !== 'completed' ? { status: late, afterMs } : end
  return { outcome, ...session, usage: sum }
}

function add(sum: { inputTokens: number; outputTokens: number; costUsd: number | null }, usage: Usage): void {
  sum.inputTokens += usage.inputTokens
  sum.outputTokens += usage.outputTokens
  if (usage.costUsd !== null) sum.costUsd = (sum.costUsd ?? 0) + usage.costUsd
}
