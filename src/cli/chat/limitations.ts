import type { Agent } from '../../agents/port.ts'
import type { Access } from '../../core/words.ts'

/** What this agent cannot, as far as whoever talks with it has to know; a sentence each. */
export function limitationsOf({ provider, capabilities }: Agent, access: Access): string[] {
  const limitations: string[] = []
  if (!capabilities.approvals && access !== 'read-only')
    limitations.push(`${provider} asks for no approval: it does what its access (${access}) and its sandbox let it`)
  if (!capabilities.resume)
    limitations.push(`${provider} remembers no conversation: each turn it is told, shortened, what was said before`)
  if (!capabilities.interrupt) limitations.push(`${provider} cannot be asked to stop: Ctrl-C ends its program`)
  return limitations
}
