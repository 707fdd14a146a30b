import { isDeepStrictEqual } from 'node:util'
import type { Access } from '../core/words.ts'
import type { Approver } from '../agents/port.ts'
import { nobody } from './approve.ts'
import { configFor } from './settings.ts'
import type { CommandPolicy } from '../policy/index.ts'
import type { Session } from '../sessions/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The command policy of a session: the built-in rules, and those that were configured when it was first opened. They are kept with
 * it, outside of what its agents can write, so that an agent cannot give itself leave in `belay.yaml`; `update` takes over those
 * that are configured in `cwd` now. `warning` says that those are others.
 */
export async function policyOf(
  session: Session,
  { cwd, env, update }: { readonly cwd: string; readonly env: Environment; readonly update: boolean },
): Promise<{ readonly policy: CommandPolicy; readonly warning: string | null }> {
  const [{ createPolicy, policyRules }, config] = await Promise.all([import('../policy/index.ts'), configFor(cwd, env)])
  const now = config?.policy ?? null
  const kept = session.meta.policy
  if (kept === undefined || update) await session.change({ policy: now })
  const holds = kept === undefined || update ? now : kept
  return {
    policy: createPolicy(policyRules(holds ?? undefined)),
    warning: isDeepStrictEqual(holds, now) ? null : CHANGED,
  }
}

const CHANGED =
  'the policy of the configuration is another one since this session began; the session keeps its own (--update-policy takes the new one)'

/**
 * Decides what policy decides, and hands on what it leaves to a person: commands by their rules; changes of files inside of the
 * workspace are what `access` gave leave for.
 */
export function policyFirst(
  policy: CommandPolicy,
  around: { readonly cwd: string; readonly access: Access; readonly confined: boolean },
  person: Approver | null,
): Approver {
  return async (request, signal) => {
    const ask = person ?? nobody
    if (request.kind !== 'command' || request.command === null) return ask(request, signal)
    const { cwd, access, confined } = around
    const question = { command: request.command, cwd: request.cwd ?? cwd, workspace: cwd, access, confined }
    const { decision, reason } = policy.judge(question)
    return decision === 'ask' ? ask({ ...request, reason }, signal) : { decision, reason }
  }
}
