import { describe, expect, it } from 'vitest'
import { answerRequest } from './approvals.ts'

const COMMAND = 'item/commandExecution/requestApproval'
const FILES = 'item/fileChange/requestApproval'

describe('answerRequest', () => {
  it.each([
    [COMMAND, {}, 'read-only', 'decline'],
    [COMMAND, {}, 'workspace-write', 'accept'],
    [COMMAND, { reason: 'needs the network' }, 'workspace-write', 'decline'],
    [COMMAND, { networkApprovalContext: { host: 'x' } }, 'workspace-write', 'decline'],
    [COMMAND, { reason: 'needs the network' }, 'full', 'accept'],
    [FILES, {}, 'read-only', 'decline'],
    [FILES, {}, 'workspace-write', 'accept'],
    [FILES, { grantRoot: '/' }, 'workspace-write', 'decline'],
    [FILES, { grantRoot: '/' }, 'full', 'accept'],
  ] as const)('%s %j with %s: %s', (method, params, access, decision) => {
    expect(answerRequest(method, params, access)).toEqual({ decision })
  })

  it('grants no more permissions than the access has', () => {
    const params = { permissions: { network: { enabled: true } } }
    expect(answerRequest('item/permissions/requestApproval', params, 'workspace-write')).toEqual({
      permissions: {},
      scope: 'turn',
    })
    expect(answerRequest('item/permissions/requestApproval', params, 'full')).toEqual({ ...params, scope: 'turn' })
  })

  it('answers every question that nobody is there to answer', () => {
    const answer = answerRequest('item/tool/requestUserInput', { questions: [{ id: 'a' }, { id: 'b' }] }, 'read-only')
    expect(Object.keys((answer as { answers: object }).answers)).toEqual(['a', 'b'])
  })

  it('does not know other methods', () => {
    expect(answerRequest('attestation/generate', {}, 'full')).toBeNull()
  })
})
