import { isDeepStrictEqual } from 'node:util'
import { configFor } from './settings.ts'
import type { CommandPolicy } from '../policy/index.ts'
import type { Session } from '../sessions/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The command policy of a session: the built-in rules, and those that were configured when the session was first opened. They
 * are stored outside of what its agents can write to, so that an agent cannot extend its permissions through `belay.yaml`.
 * `update` adopts the rules that are configured in `cwd` now; `warning` says that those differ.
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
