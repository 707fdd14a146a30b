import { describe, expect, it } from 'vitest'
import { createPolicy, policyRules } from '../../policy/index.ts'
import { policyApprover, nobody, type PolicyContext } from './policy-approver.ts'
import type { ApprovalRequest } from '../port.ts'

const policy = createPolicy(
  policyRules({ commands: { allow: ['make release'], ask: ['npm publish'], deny: ['kubectl delete'] }, presets: [] }),
)
const HOST: PolicyContext = {
  policy: () => Promise.resolve(policy),
  cwd: '/checkout/repo',
  access: 'workspace-write',
  confined: false,
  rest: 'ask',
}
const CONFINED: PolicyContext = { ...HOST, confined: true }
const RUN: PolicyContext = { ...HOST, rest: 'allow' }

const ASK = { id: '1', title: 'a thing', command: null, cwd: null, paths: [], tool: null, reason: null } as const

function command(text: string, more: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return { ...ASK, kind: 'command', command: text, ...more }
}

function change(...paths: readonly string[]): ApprovalRequest {
  return { ...ASK, kind: 'file_change', paths }
}

/** Resolves to the decision, or to `asked` if a person was asked. */
async function decide(request: ApprovalRequest, judging: PolicyContext): Promise<string> {
  let asked = false
  const person = (): Promise<{ decision: 'deny'; reason: string }> => {
    asked = true
    return Promise.resolve({ decision: 'deny', reason: '' })
  }
  const { decision } = await policyApprover(judging, person)(request, new AbortController().signal)
  return asked ? 'asked' : decision
}

describe('what an agent asks for', () => {
  it.each([
    // request; decision on the host, in a sandbox, in a run on the host
    ['a known command', command('npm test'), 'allow', 'allow', 'allow'],
    ['a denied one', command('kubectl delete pod x'), 'deny', 'deny', 'deny'],
    ['one of the own ask list', command('npm publish'), 'asked', 'asked', 'asked'],
    ['one of the built-in ask list', command('git push'), 'asked', 'allow', 'asked'],
    ['one that leaves the own sandbox of the agent', command('npm test', { beyond: true }), 'asked', 'allow', 'asked'],
    ['one that does, by a rule', command('make release', { beyond: true }), 'allow', 'allow', 'allow'],
    ['one that does, denied', command('kubectl delete x', { beyond: true }), 'deny', 'deny', 'deny'],
    ['one that is only described', { ...ASK, kind: 'command', title: 'ls' }, 'asked', 'allow', 'allow'],
    ['one that is, denied', { ...ASK, kind: 'command', title: 'kubectl delete x' }, 'deny', 'deny', 'deny'],
    ['a file of the workspace', change('/checkout/repo/a.txt', 'b.txt'), 'allow', 'allow', 'allow'],
    ['a name with quotes', change("it's $(x).txt"), 'allow', 'allow', 'allow'],
    ["git's own files", change('a.txt', '.git/hooks/pre-commit'), 'deny', 'deny', 'deny'],
    ['what Belay is told by', change('belay.yaml'), 'asked', 'allow', 'allow'],
    ['a file elsewhere', change('/checkout/other/a.txt'), 'asked', 'allow', 'asked'],
    ['a way out', change('../../etc/passwd'), 'deny', 'deny', 'deny'],
    ['a temporary file', change('/tmp/a.txt'), 'allow', 'allow', 'allow'],
    ['a change that names no file', change(), 'asked', 'allow', 'allow'],
    ['a tool', { ...ASK, kind: 'tool' }, 'asked', 'allow', 'allow'],
    ['the network', { ...ASK, kind: 'network' }, 'asked', 'allow', 'allow'],
    ['the network beyond its sandbox', { ...ASK, kind: 'network', beyond: true }, 'asked', 'allow', 'asked'],
    ['wider permissions', { ...ASK, kind: 'other', beyond: true }, 'asked', 'allow', 'asked'],
  ] as const)('%s', async (_, request, host, confined, run) => {
    const asked = { ...request } as ApprovalRequest
    expect([await decide(asked, HOST), await decide(asked, CONFINED), await decide(asked, RUN)]).toEqual([
      host,
      confined,
      run,
    ])
  })

  it('read-only: no file is changed', async () => {
    expect(await decide(change('a.txt'), { ...RUN, access: 'read-only' })).toBe('deny')
  })

  it('nobody there: denied, with what policy says', async () => {
    const answer = await policyApprover(HOST, nobody)(command('git push'), new AbortController().signal)
    expect(answer).toEqual({ decision: 'deny', reason: expect.stringMatching(/remote repository.*nobody is there/) })
  })
})
