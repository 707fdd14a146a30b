import { describe, expect, it } from 'vitest'
import type { Agent, TurnEvent, TurnRequest } from './port.ts'
import { ALONE, takeTurn } from './turn.ts'

const APPROVAL = {
  id: '1',
  kind: 'other',
  title: 't',
  command: null,
  cwd: null,
  paths: [],
  tool: null,
  reason: null,
} as const

/** An agent that waits for `answer` or its abort before it ends. */
function asking(answered: Promise<void>): Agent {
  async function* turn({ signal }: TurnRequest): AsyncGenerator<TurnEvent> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    yield { type: 'approval', request: APPROVAL, state: 'asked', answer: null }
    await Promise.race([answered, aborted])
    yield { type: 'approval', request: APPROVAL, state: 'answered', answer: { decision: 'allow', reason: '' } }
    if (!signal.aborted) await aborted
    yield { type: 'end', end: { status: 'interrupted' } }
  }
  return { provider: 'fake', turn } as unknown as Agent
}

const request = { resume: null, model: null, ...ALONE } as unknown as TurnRequest
const never = new AbortController().signal
const observe = (): Promise<void> => Promise.resolve()

describe('takeTurn', () => {
  it('does not take waiting for an answer for silence, but the silence after it', async () => {
    const stallMs = 40
    const started = performance.now()
    const late = new Promise<void>((resolve) => setTimeout(resolve, 5 * stallMs))
    const { outcome } = await takeTurn(asking(late), request, { timeoutMs: 60_000, stallMs }, never, observe)
    expect(outcome.status).toBe('stall')
    expect(performance.now() - started).toBeGreaterThan(5.5 * stallMs)
  })

  it('takes what an agent had finished when its time ran out for finished', async () => {
    async function* turn({ signal }: TurnRequest): AsyncGenerator<TurnEvent> {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      yield { type: 'end', end: { status: 'completed', output: null, text: 'done' } as never }
    }
    const agent = { provider: 'fake', turn } as unknown as Agent
    const { outcome } = await takeTurn(agent, request, { timeoutMs: 10, stallMs: 60_000 }, never, observe)
    expect(outcome.status).toBe('completed')
  })

  it('does not wait for an answer beyond the turn', async () => {
    const limits = { timeoutMs: 50, stallMs: 60_000 }
    const { outcome } = await takeTurn(asking(new Promise(() => {})), request, limits, never, observe)
    expect(outcome.status).toBe('timeout')
  })
})
