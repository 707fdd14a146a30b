/** What an agent asks for, put to the command policy before any person is. */
import { isAbsolute, resolve } from 'node:path'
import type { Access } from '../../core/words.ts'
import type { CommandPolicy, Decision, Verdict } from '../../policy/index.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../port.ts'

export interface PolicyContext {
  /** Made ready when the first question comes. */
  readonly policy: () => Promise<CommandPolicy>
  /** Absolute path of the workspace. */
  readonly cwd: string
  readonly access: Access
  /** Belay's sandbox holds the agent, whatever it is allowed. */
  readonly confined: boolean
  /**
   * What is said of what policy has no words for, where no sandbox holds it: tools, the network, commands that are not named.
   * `ask`: the person's. `allow`: it is what `access` gives leave for.
   */
  readonly rest: 'ask' | 'allow'
}

/** Nobody is there: what is not allowed by itself is denied. */
export const nobody: Approver = ({ reason }) =>
  Promise.resolve({
    decision: 'deny',
    reason: `${reason === null ? '' : `${reason}; `}it needs approval and nobody is there to give it`,
  })

/**
 * Decides what policy decides, and hands on to `person` what it leaves to one: commands by their rules, changes of files by
 * their paths. An agent that asks to leave its own sandbox is let out only by a rule of the configuration.
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

/** What policy says; null when it has no words for such a thing. */
async function verdictOn(request: ApprovalRequest, context: PolicyContext): Promise<Verdict | null> {
  const { kind, command, title } = request
  if (kind === 'command' && command !== null) return judge(await context.policy(), request, context, command)
  // Text for people: it can say too much, and never enough.
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

/** What only concerns whoever works in a checkout: in a run it is read from none of its workspaces. */
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

/** What policy has no words for. */
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
