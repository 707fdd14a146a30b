import type { Access } from '../core/words.ts'
import type { Approver } from '../agents/port.ts'
import { nobody } from './approve.ts'
import { configFor } from './settings.ts'
import type { CommandPolicy } from '../policy/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The command policy that holds in `cwd`: the built-in rules and those of the configuration. */
export async function policyFor(cwd: string, env: Environment): Promise<CommandPolicy> {
  const [{ createPolicy, policyRules }, config] = await Promise.all([import('../policy/index.ts'), configFor(cwd, env)])
  return config === null ? createPolicy() : createPolicy(policyRules(config.policy))
}

/**
 * Decides what policy decides, and hands on what it leaves to a person: commands by their rules; changes of files inside of the
 * workspace are what `access` gave leave for.
 */
export function policyFirst(
  policy: () => Promise<CommandPolicy>,
  around: { readonly cwd: string; readonly access: Access; readonly confined: boolean },
  person: Approver | null,
): Approver {
  return async (request, signal) => {
    const ask = person ?? nobody
    if (request.kind !== 'command' || request.command === null) return ask(request, signal)
    const { cwd, access, confined } = around
    const question = { command: request.command, cwd: request.cwd ?? cwd, workspace: cwd, access, confined }
    const { decision, reason } = (await policy()).judge(question)
    return decision === 'ask' ? ask({ ...request, reason }, signal) : { decision, reason }
  }
}
