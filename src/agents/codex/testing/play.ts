import type { Item, TurnEnd, TurnError, TurnEvent, TurnRequest } from '../../port.ts'
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
