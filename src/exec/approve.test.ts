import { expect, it } from 'vitest'
import type { ApprovalRequest } from '../agents/port.ts'
import type { Session } from '../sessions/index.ts'
import { askDurably, questionOf } from './approve.ts'

const request = {
  id: '1',
  kind: 'command',
  title: 'run',
  command: 'true',
  cwd: '/',
  paths: [],
  tool: null,
  reason: null,
} as unknown as ApprovalRequest

it('says on the line of the question that a command was cut', () => {
  expect(questionOf(request)).toBe('may the agent do this? true')
  const long = questionOf({ ...request, command: `${'x'.repeat(500)}evil` })
  expect(long).toContain('cut here: 4 more characters')
  expect(long).not.toContain('evil')
})

it.each([
  ['command', { command: `${'x'.repeat(8000)}; evil` }],
  ['title', { command: null, title: 'x'.repeat(2001) }],
  ['list of paths', { paths: Array.from({ length: 51 }, (_, index) => `/${index}`) }],
  ["tool's input", { command: null, tool: { name: 't', input: { text: 'x'.repeat(4000) } } }],
])('denies without asking what cannot be shown in full: %s', async (what, change) => {
  // No session is touched: nobody is asked.
  const ask = askDurably(null as unknown as Session, 1000, () => expect.unreachable('it was asked'))
  const answer = await ask({ ...request, ...change } as ApprovalRequest, new AbortController().signal)
  expect(answer.decision).toBe('deny')
  expect(answer.reason).toContain(what)
})
