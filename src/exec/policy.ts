import type { Access } from '../core/words.ts'
import type { Approver } from '../agents/port.ts'
import { nobody } from './approve.ts'
import type { CommandPolicy } from '../policy/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The command policy that holds in `cwd`. */
export async function policyFor(_cwd: string, _env: Environment): Promise<CommandPolicy> {
  const { createPolicy } = await import('../policy/index.ts')
  return createPolicy()
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
