import { describe, expect, test } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import type { SessionRow } from '../../record/index.ts'
import { Budget, refuseUnknownCost, totalCost } from './budget.ts'

/** A clock that stands still until a test moves it, which also wakes its sleepers. */
class FakeClock implements Clock {
  #now = 1_000_000
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()

  now(): number {
    return this.#now
  }

  async sleepUntil(at: number, signal?: AbortSignal): Promise<void> {
    if (at <= this.#now) return
    await new Promise<void>((resolve, reject) => {
      this.#sleepers.add({ at, wake: resolve })
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms
    for (const sleeper of this.#sleepers) if (sleeper.at <= this.#now) sleeper.wake()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const NONE = { usd: null, tokens: null, wallMs: null }

function used(costUsd: number | null, tokens: number, costKind: SessionRow['costKind'] = 'reported'): SessionRow {
  return {
    id: 's',
    run: 'r',
    task: 't',
    role: 'implementer',
    provider: 'command',
    model: null,
    native: null,
    cwd: '/',
    attempt: 1,
    status: 'completed',
    inputTokens: tokens,
    outputTokens: 0,
    costUsd,
    costKind,
    createdAt: '',
    endedAt: null,
  }
}

describe('a budget', () => {
  test('counts what earlier processes used', () => {
    const budget = new Budget({ ...NONE, usd: 1, tokens: 100 }, [used(0.4, 10), used(0.5, 20)], new FakeClock())
    expect(budget.exceeded()).toBeNull()
    budget.add({ inputTokens: 1, outputTokens: 1, costUsd: 0.1 })
    expect(budget.exceeded()).toMatchObject({ code: 'budget_usd' })
    const tokens = new Budget({ ...NONE, tokens: 30 }, [used(null, 10), used(null, 20)], new FakeClock())
    expect(tokens.exceeded()).toMatchObject({ code: 'budget_tokens' })
  })

  test('in money is exceeded by a cost that nobody knows, unless that is allowed', () => {
    const usage = { inputTokens: 5, outputTokens: 0, costUsd: null }
    const strict = new Budget({ ...NONE, usd: 1, unknownCost: 'refuse' }, [], new FakeClock())
    strict.add({ ...usage, inputTokens: 0 })
    expect(strict.exceeded()).toBeNull()
    strict.add(usage)
    expect(strict.exceeded()).toMatchObject({ code: 'budget_unknown_cost' })
    const lenient = new Budget({ ...NONE, usd: 1, unknownCost: 'allow' }, [used(null, 5)], new FakeClock())
    expect(lenient.exceeded()).toBeNull()
    const unlimited = new Budget({ ...NONE, unknownCost: 'refuse' }, [used(null, 5)], new FakeClock())
    expect(unlimited.exceeded()).toBeNull()
  })

  test('of time goes on counting where earlier processes stopped, and ends turns when it is used up', async () => {
    const clock = new FakeClock()
    const budget = new Budget({ ...NONE, wallMs: 10_000 }, [], clock, 7000)
    const wall = budget.watchWall()
    const gone = budget.watchWall()
    gone.dispose()
    await clock.pass(2999)
    expect(budget.exceeded()).toBeNull()
    expect(wall.signal.aborted).toBe(false)
    await clock.pass(1)
    expect(budget.exceeded()).toMatchObject({ code: 'budget_wall' })
    expect(wall.signal.aborted).toBe(true)
    expect(gone.signal.aborted).toBe(false)
    expect(new Budget({ ...NONE, wallMs: 10_000 }, [], clock, 10_000).exceeded()).toMatchObject({ code: 'budget_wall' })
  })
})

describe('costs', () => {
  test('are unknown as soon as a part of them is, and estimated as soon as a part of them is', () => {
    expect(totalCost([])).toEqual({ usd: null, kind: 'unknown' })
    expect(totalCost([used(0.5, 1), used(null, 1, 'unknown')])).toEqual({ usd: null, kind: 'unknown' })
    expect(totalCost([used(0.5, 1), used(0.25, 1, 'estimated')])).toEqual({ usd: 0.75, kind: 'estimated' })
    expect(totalCost([used(0.5, 1), used(null, 0, 'unknown')])).toEqual({ usd: 0.5, kind: 'reported' })
  })

  test('that an agent can never tell are no basis for a money limit', () => {
    const roles = [
      { role: 'implementer', knowsCost: true },
      { role: 'reviewer', knowsCost: false },
    ]
    expect(() => refuseUnknownCost(5, roles)).toThrow(expect.objectContaining({ code: 'cost_unknown', exit: 2 }))
    expect(() => refuseUnknownCost(null, roles)).not.toThrow()
  })
})
