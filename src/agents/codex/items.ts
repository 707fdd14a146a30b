import { cap } from '../../core/text.ts'
import type { Item } from '../port.ts'
import type { ThreadItem, TurnPlanUpdatedNotification } from './protocol.gen.ts'

/** The longest text, output or diff of an item. */
const MAX_TEXT = 64 << 10

type Status = Item['status']

/**
 * Translates a codex item; null for the user's messages, which Belay sent itself. `done`: codex has reported its completion.
 */
export function itemOf(item: ThreadItem, done: boolean): Item | null {
  const ended: Status = done ? 'completed' : 'running'
  const { id } = item as { readonly id: string }
  const text = (kind: Item['kind'], content: string): Item => ({
    id,
    kind,
    status: ended,
    text: cap(content, MAX_TEXT),
  })
  switch (item.type) {
    case 'userMessage':
      return null
    case 'agentMessage':
      return text('message', item.text)
    case 'reasoning':
      return text('reasoning', (item.summary.length > 0 ? item.summary : item.content).join('\n\n'))
    case 'plan':
      return text('plan', item.text)
    case 'commandExecution': {
      const command = cap(item.command, MAX_TEXT)
      const call = {
        name: 'shell',
        input: { command, cwd: item.cwd },
        output: capped(item.aggregatedOutput),
        exitCode: item.exitCode,
      }
      return { id, kind: 'tool_call', status: statusOf(item.status, done), text: command, tool: call }
    }
    case 'fileChange':
      return { ...text('file_change', changes(item.changes)), status: statusOf(item.status, done) }
    case 'mcpToolCall': {
      const output = item.error?.message ?? (item.result === null ? null : JSON.stringify(item.result.content))
      return tool(id, statusOf(item.status, done), `${item.server}.${item.tool}`, item.arguments, output)
    }
    case 'dynamicToolCall': {
      const output = item.contentItems === null ? null : JSON.stringify(item.contentItems)
      return tool(id, statusOf(item.status, done), item.tool, item.arguments, output)
    }
    case 'collabAgentToolCall':
      return tool(id, statusOf(item.status, done), item.tool, { prompt: item.prompt, model: item.model }, null)
    case 'webSearch':
      return { ...tool(id, ended, 'web_search', item.action, null), text: item.query }
    case 'imageView':
      return tool(id, ended, 'view_image', { path: item.path }, null)
    case 'contextCompaction':
    case 'enteredReviewMode':
    case 'exitedReviewMode':
    case 'functionCallOutput':
    case 'hookPrompt':
    case 'imageGeneration':
    case 'sleep':
    case 'subAgentActivity':
    default: // includes types that later versions add
      return text('unknown', JSON.stringify(item))
  }
}

/** The agent's plan, as one item per turn. */
export function planOf({ turnId, explanation, plan }: TurnPlanUpdatedNotification): Item {
  const marks: Readonly<Record<string, string>> = { completed: 'x', inProgress: '>' }
  const steps = plan.map(({ step, status }) => `[${marks[status] ?? ' '}] ${step}`)
  const open = plan.some(({ status }) => status !== 'completed')
  const text = [...(explanation ? [explanation] : []), ...steps].join('\n')
  return { id: `plan-${turnId}`, kind: 'plan', status: open ? 'running' : 'completed', text: cap(text, MAX_TEXT) }
}

function tool(id: string, status: Status, name: string, input: unknown, output: string | null): Item {
  return { id, kind: 'tool_call', status, text: name, tool: { name, input, output: capped(output), exitCode: null } }
}

function capped(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : cap(text, MAX_TEXT)
}

/** Translates codex's item states: inProgress, completed, failed, declined. */
function statusOf(status: string, done: boolean): Status {
  if (status === 'failed' || status === 'declined') return 'failed'
  return done || status === 'completed' ? 'completed' : 'running'
}

function changes(all: Extract<ThreadItem, { type: 'fileChange' }>['changes']): string {
  return all
    .map(({ path, kind, diff }) => {
      const moved = kind.type === 'update' && kind.move_path ? ` -> ${kind.move_path}` : ''
      return `${kind.type} ${path}${moved}\n${diff}`
    })
    .join('\n')
}
