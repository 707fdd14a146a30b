import { describe, expect, it } from 'vitest'
import { answerRequest, approvalOf, responseTo } from './approvals.ts'

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

describe('approvalOf', () => {
  const paths = (item: string): readonly string[] => (item === 'i1' ? ['a.ts', 'b.ts'] : [])
  const PERMISSIONS = 'item/permissions/requestApproval'

  it.each([
    [
      COMMAND,
      { command: 'rm x', cwd: '/w', reason: 'tidy' },
      { kind: 'command', command: 'rm x', cwd: '/w', reason: 'tidy' },
    ],
    [COMMAND, { command: 'curl x', networkApprovalContext: { host: 'example.com' } }, { kind: 'network' }],
    [COMMAND, {}, { kind: 'other', command: null }],
    [FILES, { itemId: 'i1', grantRoot: '/other' }, { kind: 'file_change', paths: ['a.ts', 'b.ts', '/other'] }],
    [PERMISSIONS, { permissions: { network: {} }, cwd: '/w', reason: null }, { kind: 'other', cwd: '/w' }],
  ] as const)('tells %s %j', (method, params, expected) => {
    expect(approvalOf('7', method, params, paths)).toMatchObject({ id: '7', ...expected })
  })

  it('tells nothing of requests that are no approvals', () => {
    expect(approvalOf('7', 'item/tool/requestUserInput', { questions: [] }, paths)).toBeNull()
  })

  it.each([
    ['allow', 'accept', 'turn'],
    ['allow_session', 'acceptForSession', 'session'],
  ] as const)('answers %s', (decision, word, scope) => {
    const answer = { decision, reason: '' }
    expect(responseTo(COMMAND, {}, answer)).toEqual({ decision: word })
    const permissions = { network: { enabled: true } }
    expect(responseTo(PERMISSIONS, { permissions }, answer)).toEqual({ permissions, scope })
  })

  it('grants nothing that is denied', () => {
    const answer = { decision: 'deny', reason: 'no' } as const
    expect(responseTo(FILES, {}, answer)).toEqual({ decision: 'decline' })
    expect(responseTo(PERMISSIONS, { permissions: { network: {} } }, answer)).toEqual({
      permissions: {},
      scope: 'turn',
    })
  })
})
