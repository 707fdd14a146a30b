import { expect, it } from 'vitest'
import type { Session, StoredEntry } from '../sessions/index.ts'
import { handoffText } from './handoff.ts'

/** A session with one turn for each named agent. */
function sessionOf(...providers: readonly string[]): Session {
  const current = providers.flatMap((provider, i): StoredEntry[] => {
    const turn = i + 1
    const begun = { type: 'turn', turn, prompt: `task ${turn}`, agent: { provider, model: null }, cwd: '/w', time: '' }
    const ended = { type: 'turn_ended', turn, status: 'done', text: `did ${turn}`, files: [], commits: [], time: '' }
    return [begun, ended] as unknown as StoredEntry[]
  })
  return { current } as unknown as Session
}

const steps = (text: string | null): string[] => [...(text ?? '').matchAll(/^## Step (\d+)/gm)].map(([, n = '']) => n)

it('tells of the last turns, not of any number', () => {
  const many = Array.from({ length: 20 }, () => 'claude')
  expect(steps(handoffText(sessionOf(...many), 'codex', false))).toEqual([
    '13',
    '14',
    '15',
    '16',
    '17',
    '18',
    '19',
    '20',
  ])
})

it('tells an agent that remembers only what came after its own last turn', () => {
  const session = sessionOf('claude', 'codex', 'claude')
  expect(steps(handoffText(session, 'codex', true))).toEqual(['3'])
  expect(steps(handoffText(session, 'codex', false))).toEqual(['1', '2', '3'])
  expect(handoffText(session, 'claude', true)).toBeNull()
  expect(handoffText(sessionOf(), 'claude', false)).toBeNull()
})
