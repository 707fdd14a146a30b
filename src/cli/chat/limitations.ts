import type { Agent } from '../../agents/port.ts'
import type { Access } from '../../core/words.ts'

/** What a user of this agent must know that it cannot do, one sentence each. */
export function limitationsOf({ provider, capabilities }: Agent, access: Access): string[] {
  const limitations: string[] = []
  if (!capabilities.approvals && access !== 'read-only')
    limitations.push(
      `${provider} never asks for approval: it does whatever its access (${access}) and its sandbox allow`,
    )
  if (!capabilities.resume)
    limitations.push(
      `${provider} remembers no conversation: each turn begins with a shortened account of what was said before`,
    )
  if (!capabilities.interrupt) limitations.push(`${provider} cannot be interrupted: Ctrl-C ends its program`)
  return limitations
}
