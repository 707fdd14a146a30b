import { expect, it } from 'vitest'
import type { ApprovalRequest } from '../agents/port.ts'
import type { Session } from '../sessions/index.ts'
import { questionOf } from '../agents/approvals/questions.ts'
import { askDurably } from './approve.ts'

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

it('denies a command that cannot be shown in full, without asking', async () => {
  // No session is touched, and nobody is asked.
  const ask = askDurably(null as unknown as Session, 1000, () => expect.unreachable('it was asked'))
  const answer = await ask({ ...request, command: `${'x'.repeat(8000)}; evil` }, new AbortController().signal)
  expect(answer).toMatchObject({ decision: 'deny', reason: expect.stringContaining('8006 characters') })
})
