/** Puts an agent's approval requests to the command policy before a person is asked. */
import { isAbsolute, resolve } from 'node:path'
import type { Access } from '../../core/words.ts'
import type { CommandPolicy, Decision, Verdict } from '../../policy/index.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../port.ts'

export interface PolicyContext {
  /** Loads the policy when the first request comes. */
  readonly policy: () => Promise<CommandPolicy>
  /** Absolute path of the workspace. */
  readonly cwd: string
  readonly access: Access
  /** The agent runs in one of Belay's sandboxes, whatever its access. */
  readonly confined: boolean
  /**
   * What happens to requests that policy has no rules for, outside a sandbox: tools, the network, commands that are not named.
   * `ask`: a person decides. `allow`: `access` covers them.
   */
  readonly rest: 'ask' | 'allow'
}

/** Denies everything that needs a person, because there is none. */
export const nobody: Approver = ({ reason }) =>
  Promise.resolve({
    decision: 'deny',
    reason: `${reason === null ? '' : `${reason}; `}it needs approval and nobody is there to give it`,
  })

/**
 * Decides requests by policy, and passes on to `person` what policy leaves to one. Commands are judged by the command rules,
 * file changes by their paths. Outside Belay's sandboxes, an agent may leave its own sandbox only by a configured rule or by a
 * person's answer.
 */
export function policyApprover(context: PolicyContext, person: Approver): Approver {
  return async (request, signal) => {
    const verdict = await verdictOn(request, context)
    if (verdict === null) return settle(request, context, person, signal)
    const { decision, reason } = verdict
    if (decision === 'ask') return person({ ...request, reason }, signal)
    if (decision === 'deny' || context.confined || request.beyond !== true || isOwnRule(verdict))
      return { decision, reason }
    return person(request, signal)
  }
}

/** The policy's verdict; null: policy has no rule for such a request. */
async function verdictOn(request: ApprovalRequest, context: PolicyContext): Promise<Verdict | null> {
  const { kind, command, title } = request
  if (kind === 'command' && command !== null) return judge(await context.policy(), request, context, command)
  // A title is text for people: enough to deny a command, never enough to allow it.
  if (kind === 'command') {
    const said = judge(await context.policy(), request, context, title)
    return said.decision === 'deny' ? said : null
  }
  if (kind !== 'file_change' || request.paths.length === 0) return null
  const policy = await context.policy()
  const verdicts = request.paths.map((path) => judgeChange(policy, path, request, context))
  return verdicts.reduce((worst, next) => (ORDER[next.decision] > ORDER[worst.decision] ? next : worst))
}

const ORDER: Readonly<Record<Decision, number>> = { allow: 0, ask: 1, deny: 2 }

function judge(
  policy: CommandPolicy,
  { cwd: asked }: ApprovalRequest,
  { cwd, access, confined }: PolicyContext,
  command: string,
): Verdict {
  return policy.judge({ command, cwd: asked ?? cwd, workspace: cwd, access, confined })
}

/** Built-in rules that only matter in a person's checkout; a run never reads these files from its workspaces. */
const OF_THE_CHECKOUT: ReadonlySet<string> = new Set(['builtin/belay-files', 'builtin/env-file'])

function judgeChange(policy: CommandPolicy, path: string, request: ApprovalRequest, context: PolicyContext): Verdict {
  const whole = isAbsolute(path) ? path : resolve(request.cwd ?? context.cwd, path)
  const verdict = judge(policy, request, context, `: > '${whole.replaceAll("'", String.raw`'\''`)}'`)
  if (context.rest !== 'allow' || verdict.decision !== 'ask') return verdict
  const asks = verdict.findings.filter(({ decision }) => decision === 'ask')
  return asks.every(({ rule }) => OF_THE_CHECKOUT.has(rule)) ? { ...verdict, decision: 'allow' } : verdict
}

function isOwnRule({ findings }: Verdict): boolean {
  return findings.length > 0 && findings.every(({ rule }) => rule.startsWith('policy/'))
}

/** Decides a request that policy has no rule for. */
function settle(
  request: ApprovalRequest,
  { access, confined, rest }: PolicyContext,
  person: Approver,
  signal: AbortSignal,
): Promise<ApprovalAnswer> {
  if (confined) return Promise.resolve({ decision: 'allow', reason: 'its sandbox holds it' })
  if (rest === 'ask' || request.kind === 'other' || request.beyond === true) return person(request, signal)
  return Promise.resolve({ decision: 'allow', reason: `covered by ${access}` })
}
