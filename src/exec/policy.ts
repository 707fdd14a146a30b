import { isDeepStrictEqual } from 'node:util'
import { configFor } from './settings.ts'
import type { CommandPolicy } from '../policy/index.ts'
import type { Session } from '../sessions/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The command policy of a session: the built-in rules, and those that were configured when it was first opened. They are kept
 * with it, outside of what its agents can write, so that an agent cannot give itself leave in `belay.yaml`; `update` takes over
 * those that are configured in `cwd` now. `warning` says that those are others.
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
  'the configured policy differs from the one that this session began with; the session keeps its own (--update-policy adopts the new one)'
