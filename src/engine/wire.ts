import type { AssistantMessage, Tool as WireTool } from '@earendil-works/pi-ai'
import type { Entry } from './history/entries.ts'
import { callsOf } from './history/view.ts'
import type { Tool } from './port.ts'
import { toolSchema } from './tools/schema.ts'

/** The tools as the model is told about them. */
export function wireTools(tools: readonly Tool[]): WireTool[] {
  return tools.map((tool) => ({ name: tool.name, description: tool.description, parameters: { ...toolSchema(tool) } }))
}

/** What the model is told when its tools have changed; null: they have the same names as before. */
export function toolsChanged(before: readonly Tool[], now: readonly Tool[]): string | null {
  const missing = (from: readonly Tool[], among: readonly Tool[]): string =>
    from
      .filter(({ name }) => !among.some((other) => other.name === name))
      .map(({ name }) => name)
      .join(', ')
  const [gone, come] = [missing(before, now), missing(now, before)]
  if (gone === '' && come === '') return null
  return `The tools of MCP servers have changed.${gone === '' ? '' : ` Gone: ${gone}.`}${come === '' ? '' : ` New: ${come}.`}`
}

/**
 * Gives every call an id that no other call of the conversation has, because some servers start counting again with each
 * answer.
 */
export function uniqueCalls(message: AssistantMessage, entries: readonly (Entry | null)[]): AssistantMessage {
  const taken = new Set<string>()
  for (const entry of entries) if (entry?.type === 'assistant') for (const { id } of callsOf(entry)) taken.add(id)
  const content = message.content.map((part) => {
    if (part.type !== 'toolCall') return part
    let id = part.id
    for (let n = 1; id === '' || taken.has(id); n++) id = `${part.id || 'call'}_${n}`
    taken.add(id)
    return id === part.id ? part : { ...part, id }
  })
  return { ...message, content }
}
