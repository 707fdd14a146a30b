import { expect, test } from 'vitest'
import { createPolicy } from './index.ts'

const places = { home: '/home/me', state: '/home/me/.local/state/belay', readLink: () => null }
const question = { cwd: '/w/project', workspace: '/w/project', access: 'workspace-write', confined: false } as const

test('the worst part of a command line decides', () => {
  const verdict = createPolicy(undefined, places).judge({ ...question, command: 'ls && git push | rm -rf /' })
  expect(verdict.decision).toBe('deny')
  expect(verdict.findings.map(({ decision, part }) => [part, decision])).toEqual([
    ['ls', 'allow'],
    ['git push', 'ask'],
    ['rm -rf /', 'deny'],
    ['rm -rf /', 'deny'],
  ])
})
