import type { Item, TurnEnd, TurnError, TurnEvent, TurnRequest } from '../../port.ts'
import { ALONE } from '../../turn.ts'
import type { Usage } from '../../../core/words.ts'
import { codexAgent } from '../agent.ts'

export interface Played {
  readonly events: readonly TurnEvent[]
  readonly end: TurnEnd
  readonly items: readonly Item[]
  readonly usage: readonly Usage[]
  readonly raw: readonly string[]
}

export async function playTurn(request: TurnRequest): Promise<Played> {
  const events: TurnEvent[] = []
  for await (const event of codexAgent.turn(request)) events.push(event)
  const last = events.at(-1)
  if (last?.type !== 'end') throw new Error('the turn has no end')
  return {
    events,
    end: last.end,
    items: events.flatMap((event) => (event.type === 'item' ? [event.item] : [])),
    usage: events.flatMap((event) => (event.type === 'usage' ? [event.usage] : [])),
    raw: events.flatMap((event) => (event.type === 'raw' ? [event.frame] : [])),
  }
}

export function errorOf({ end }: Played): TurnError {
  if (end.status !== 'failed') throw new Error(`the turn did not fail: ${JSON.stringify(end)}`)
  return end.error
}

/** A plain request; `more` says what is special. */
export function turnRequest(more: Partial<TurnRequest> & Pick<TurnRequest, 'cwd' | 'env'>): TurnRequest {
  return {
    role: 'implementer',
    prompt: 'do it',
    outputSchema: null,
    model: null,
    effort: null,
    access: 'workspace-write',
    command: null,
    resume: null,
    task: { handle: 'T001', title: 'A task' },
    attempt: 1,
    run: 'run',
    mark: `test/${Math.random().toString(36).slice(2)}`,
    signal: new AbortController().signal,
    graceMs: 2000,
    ...ALONE,
    ...more,
  }
}
