import { describe, expect, test } from 'vitest'
import type { TurnErrorCode } from '../../agents/port.ts'
import { NO_FAULTS, judgeFailure, type Aftermath, type Failure, type FaultHistory } from './faults.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = Date.parse('2026-03-01T12:00:00Z')

function failed(code: TurnErrorCode, retryAt: number | null = null): Failure {
  const error = {
    code,
    message: 'no more',
    retryAt: retryAt === null ? null : new Date(retryAt).toISOString(),
    stderrTail: '',
  }
  return { status: 'failed', error }
}

/** Fails repeatedly, each time at the moment of the next allowed try, and returns how long each wait was. */
function waits(
  failure: (now: number) => Failure,
  times: number,
): { readonly ms: number[]; readonly last: Aftermath; readonly now: number } {
  let history: FaultHistory = NO_FAULTS
  let now = START
  const ms: number[] = []
  let last: Aftermath = judgeFailure(failure(now), history, now)
  for (let n = 0; n < times; n++) {
    last = judgeFailure(failure(now), history, now)
    if (last.kind === 'stop') break
    ms.push(last.at - now)
    history = last.history
    now = last.at
  }
  return { ms, last, now }
}

describe('a quota that names no time', () => {
  test.each(['quota', 'rate_limit'] as const)('%s: waits 1 minute, doubling to 60, and stops after a day', (code) => {
    const { ms, last, now } = waits(() => failed(code), 100)
    expect(ms.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((minutes) => minutes * MINUTE))
    expect(last).toMatchObject({ kind: 'stop', reason: { code: `agent_${code}` } })
    expect(now - START).toBeGreaterThanOrEqual(24 * HOUR)
    expect(now - START).toBeLessThan(25 * HOUR)
  })
})

describe('a quota that names a time', () => {
  test('is waited for exactly that long, however far it is', () => {
    const at = START + 5 * 24 * HOUR
    expect(judgeFailure(failed('quota', at), NO_FAULTS, START)).toMatchObject({ kind: 'wait', outcome: 'quota', at })
  })

  test('that is named again and again is not tried without end in no time', () => {
    const { ms } = waits((now) => failed('quota', now + 10), 12)
    expect(ms.slice(0, 4)).toEqual([1000, 2000, 4000, 8000])
    expect(ms.at(-1)).toBe(MINUTE)
  })

  test('that has long passed says nothing', () => {
    expect(judgeFailure(failed('quota', START - HOUR), NO_FAULTS, START)).toMatchObject({ at: START + MINUTE })
  })

  test('is not given up after a day', () => {
    const { last } = waits((now) => failed('quota', now + 6 * HOUR), 10)
    expect(last.kind).toBe('wait')
  })
})

describe('faults', () => {
  test('of the agent are tried three times, of its provider eight times, each a little later', () => {
    expect(waits(() => failed('protocol'), 20)).toMatchObject({ ms: [1000, 2000], last: { kind: 'stop' } })
    expect(waits(() => failed('provider'), 20).ms).toEqual([1, 2, 4, 8, 16, 32, 60].map((s) => s * 1000))
  })

  test('that no waiting mends stop at once', () => {
    expect(judgeFailure(failed('auth'), NO_FAULTS, START)).toMatchObject({
      kind: 'stop',
      reason: { code: 'agent_auth' },
    })
    expect(judgeFailure(failed('spawn'), NO_FAULTS, START)).toMatchObject({ kind: 'stop' })
  })
})
