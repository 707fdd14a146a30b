import { expect, it } from 'vitest'
import type { ApprovalRequest, Approver } from '../port.ts'
import { askedOf, oneAtATime } from './questions.ts'

const request = { id: '1', kind: 'command', title: 't', command: 'true' } as unknown as ApprovalRequest

it('one is asked at a time; what was withdrawn while it waited is asked nobody', async () => {
  const asked: string[] = []
  const first = Promise.withResolvers<void>()
  const approve: Approver = async ({ id }) => {
    asked.push(id)
    if (id === '1') await first.promise
    return { decision: 'allow', reason: 'fine' }
  }
  const one = oneAtATime(approve)
  const withdrawn = new AbortController()
  const { signal } = new AbortController()
  const answers = [
    one({ ...request, id: '1' }, signal),
    one({ ...request, id: '2' }, withdrawn.signal),
    one({ ...request, id: '3' }, signal),
  ]
  withdrawn.abort()
  first.resolve()
  expect(await Promise.all(answers)).toEqual([
    { decision: 'allow', reason: 'fine' },
    { decision: 'deny', reason: 'it was withdrawn' },
    { decision: 'allow', reason: 'fine' },
  ])
  expect(asked).toEqual(['1', '3'])
})

it('one that fails does not keep the next from being asked', async () => {
  const one = oneAtATime(({ id }) =>
    id === '1' ? Promise.reject(new Error('gone')) : Promise.resolve(askedOf('allow', null)),
  )
  const { signal } = new AbortController()
  const first = one(request, signal)
  const second = one({ ...request, id: '2' }, signal)
  await expect(first).rejects.toThrow('gone')
  expect(await second).toEqual({ decision: 'allow', reason: 'a person said allow' })
})

it.each([
  ['allow', 'allow'],
  ['always', 'allow_session'],
  ['deny', 'deny'],
  ['Allow', 'deny'],
  ['', 'deny'],
])('the answer %j means %s', (value, decision) => {
  expect(askedOf(value, 'why')).toEqual({ decision, reason: `a person said ${value}: why` })
})
