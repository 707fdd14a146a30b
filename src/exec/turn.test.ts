import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { piAgent } from '../agents/pi/index.ts'
import type { Agent } from '../agents/port.ts'
import { SessionStore } from '../sessions/index.ts'
import { execTurn, type TurnSetup } from './turn.ts'

afterEach(() => vi.restoreAllMocks())

const SETUP: Omit<TurnSetup, 'agent' | 'cwd'> = {
  model: null,
  effort: null,
  access: 'full',
  command: null,
  env: {},
  spawn: null,
  approve: null,
  limits: { timeoutMs: 3_600_000, stallMs: 3_600_000, maxSteps: null, budgetUsd: null },
  ownsHistory: false,
  step: null,
  finish: null,
  services: undefined,
  hint: () => null,
}

it('a result says what an agent was denied, each once, and whether its text broke off', async () => {
  const home = mkdtempSync(join(tmpdir(), 'belay-exec-turn-'))
  try {
    const store = new SessionStore(home)
    await store.create('s')
    const session = await store.open('s', 'test')
    const asked = { id: '1', kind: 'command', title: 't', cwd: null, paths: [], tool: null, reason: null } as const
    const agent: Agent = {
      ...piAgent,
      async *turn() {
        for (const [command, decision] of [
          ['push', 'deny'],
          ['build', 'allow'],
          ['push', 'deny'],
        ] as const) {
          const request = { ...asked, command }
          yield { type: 'approval', request, state: 'asked', answer: null }
          yield { type: 'approval', request, state: 'answered', answer: { decision, reason: 'so' } }
        }
        yield { type: 'item', item: { id: 'm', kind: 'message', status: 'running', text: 'I beg' } }
        yield { type: 'end', end: { status: 'interrupted' } }
      },
    }
    const result = await execTurn(
      session,
      { ...SETUP, agent, cwd: home },
      { prompt: 'p', outputSchema: null, check: null, signal: new AbortController().signal, observe: () => {} },
    )
    expect(result).toMatchObject({ text: 'I beg', isCutOff: true, denied: [{ title: 'push', reason: 'so' }] })
    expect(result.denied).toHaveLength(1)
    await session.close()
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

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
    const setup: TurnSetup = { ...SETUP, agent, cwd: home }
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const result = await execTurn(session, setup, {
      prompt: 'count',
      outputSchema: { type: 'object' },
      check: (output) => (output === null ? ['it is no JSON'] : []),
      signal: new AbortController().signal,
      observe: () => {},
    })
    expect(result).toMatchObject({ status: 'done', output: { n: 1 } })
    // The limits of both turns: the second still has nearly its whole hour.
    const long = timers.mock.calls.map(([, ms]) => ms ?? 0).filter((ms) => ms > 3_000_000)
    expect(long).toHaveLength(4)
    await session.close()
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
