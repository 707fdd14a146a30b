import { afterEach, describe, expect, it, vi } from 'vitest'
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

afterEach(() => void vi.useRealTimers())

describe('takeTurn', () => {
  it('does not take waiting for an answer for silence, but the silence after it', async () => {
    const stallMs = 40
    const started = performance.now()
    const late = new Promise<void>((resolve) => setTimeout(resolve, 5 * stallMs))
    const { outcome } = await takeTurn(asking(late), request, { timeoutMs: 60_000, stallMs }, never, observe)
    expect(outcome.status).toBe('stall')
    expect(performance.now() - started).toBeGreaterThan(5.5 * stallMs)
  })

  it.each(['answered', 'withdrawn'] as const)(
    'does not take an agent for silent because of a request that is %s without having been asked',
    async (state) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const stallMs = 100
      async function* turn({ signal }: TurnRequest): AsyncGenerator<TurnEvent> {
        yield { type: 'approval', request: APPROVAL, state, answer: null }
        for (let n = 0; n < 5; n++) {
          vi.advanceTimersByTime(stallMs - 1)
          yield { type: 'raw', frame: `${n}: aborted: ${signal.aborted}` }
        }
        yield { type: 'end', end: { status: 'interrupted' } }
      }
      const agent = { provider: 'fake', turn } as unknown as Agent
      const frames: string[] = []
      const { outcome } = await takeTurn(agent, request, { timeoutMs: 60_000, stallMs }, never, async (event) => {
        if (event.type === 'raw') frames.push(event.frame)
      })
      expect(frames).toEqual([0, 1, 2, 3, 4].map((n) => `${n}: aborted: false`))
      expect(outcome.status).toBe('interrupted')
      expect(vi.getTimerCount()).toBe(0)
    },
  )

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
