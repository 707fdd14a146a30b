import type { CallToolResult } from '@modelcontextprotocol/client'
import { collect } from '../output/collect.ts'
import type { ToolResult } from '../../port.ts'
import { done } from '../tool.ts'

const TEXT_MAX = 30_000

/** Converts a server's result to text; parts that are not text are only named. */
export function resultOf(result: CallToolResult, store: string, name: string): ToolResult {
  const parts = result.content.map((part) => {
    switch (part.type) {
      case 'text':
        return part.text
      case 'image':
      case 'audio':
        return `[${part.type} (${part.mimeType}), ${part.data.length} characters of base64: not shown]`
      case 'resource':
        return 'text' in part.resource ? part.resource.text : `[binary resource ${part.resource.uri}: not shown]`
      case 'resource_link':
        return `[resource ${part.uri}]`
    }
  })
  if (parts.length === 0 && result.structuredContent !== undefined) parts.push(JSON.stringify(result.structuredContent))
  const output = collect(store, name, TEXT_MAX)
  output.add(Buffer.from(parts.join('\n')))
  const { text, fullOutput } = output.finish()
  return done(text || '(no output)', { isError: result.isError === true, fullOutput })
}
