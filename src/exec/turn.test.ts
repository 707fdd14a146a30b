import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { piAgent } from '../agents/pi/index.ts'
import type { Agent } from '../agents/port.ts'
import { SessionStore } from '../sessions/index.ts'
import { execTurn, type TurnSetup } from './turn.ts'

afterEach(() => vi.restoreAllMocks())

it('a turn keeps its time when the clock of the machine is put forward', async () => {
  const home = mkdtempSync(join(tmpdir(), 'belay-exec-turn-'))
  try {
    const store = new SessionStore(home)
    await store.create('s')
    const session = await store.open('s', 'test')
    const texts = ['no json', '{"n": 1}']
    const later = Date.now() + 7_200_000
    const agent: Agent = {
      ...piAgent,
      async *turn() {
        const text = texts.shift() ?? ''
        yield { type: 'end', end: { status: 'completed', output: text.startsWith('{') ? { n: 1 } : null, text } }
        vi.spyOn(Date, 'now').mockReturnValue(later)
      },
    }
    const setup: TurnSetup = {
      agent,
      model: null,
      effort: null,
      access: 'full',
      command: null,
      env: {},
      cwd: home,
      spawn: null,
      approve: null,
      limits: { timeoutMs: 3_600_000, stallMs: 3_600_000, maxSteps: null, budgetUsd: null },
      ownsHistory: false,
      step: null,
      finish: null,
      services: undefined,
      hint: () => null,
    }
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const result = await execTurn(session, setup, {
      prompt: 'count',
      outputSchema: { type: 'object' },
      check: (output) => (output === null ? ['it is no JSON'] : []),
      signal: new AbortController().signal,
      observe: () => {},
    })
    expect(result).toMatchObject({ status: 'done', output: { n: 1 } })
    // Limits of both turns: the second has nearly all of its hour left.
    const long = timers.mock.calls.map(([, ms]) => ms ?? 0).filter((ms) => ms > 3_000_000)
    expect(long).toHaveLength(4)
    await session.close()
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
