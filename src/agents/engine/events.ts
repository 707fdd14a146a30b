import type { Ask, LoopEvent } from '../../engine/index.ts'
import { cap } from '../../core/text.ts'
import type { ApprovalRequest, Item, TurnEvent } from '../port.ts'

/** The most characters of one raw frame. */
const FRAME = 64 * 1024

/** Translates an event of the loop into events of the agent port. */
export function turnEvents(event: LoopEvent): TurnEvent[] {
  switch (event.type) {
    case 'said':
      return [item({ id: event.id, kind: event.kind, status: event.status, text: event.text })]
    case 'tool':
      return toolItems(event)
    case 'usage':
      return [{ type: 'usage', usage: event.usage }]
    case 'approval':
      return [{ type: 'approval', request: approvalRequest(event.ask), state: event.state, answer: event.answer }]
    case 'entry':
      return [{ type: 'raw', frame: cap(JSON.stringify(event.entry), FRAME) }]
    case 'warning':
      return [note(`warning:${event.code}:${event.message}`, event.message)]
    case 'retry':
      return [note(`retry:${event.attempt}`, `the model call is made again in ${event.delayMs} ms: ${event.reason}`)]
    case 'compaction': {
      const { method, tokensBefore, tokensAfter } = event
      const did = method === 'prune' ? 'old tool results were left out' : 'the conversation was summarised'
      return [note(`compaction:${tokensBefore}`, `${did}: about ${tokensBefore} tokens before, ${tokensAfter} after`)]
    }
    case 'run_start':
    case 'step_start':
    case 'step_complete':
    case 'run_complete':
      return []
  }
}

export function approvalRequest(ask: Ask): ApprovalRequest {
  return {
    id: ask.id,
    kind: ask.command === null ? 'tool' : 'command',
    title: ask.title,
    command: ask.command,
    cwd: ask.cwd,
    paths: [],
    tool: { name: ask.tool, input: ask.input },
    reason: ask.reason,
  }
}

function toolItems({ id, name, title, input, status, result }: Extract<LoopEvent, { type: 'tool' }>): TurnEvent[] {
  const tool = { name, input, output: result?.text ?? null, exitCode: result?.exitCode ?? null }
  const call = item({ id, kind: 'tool_call', status, text: title, tool })
  if (result === null || result.changed.length === 0) return [call]
  return [call, item({ id: `${id}:files`, kind: 'file_change', status, text: result.changed.join('\n') })]
}

/** An item for what Belay did during the turn, rather than the agent. */
function note(id: string, text: string): TurnEvent {
  return item({ id, kind: 'unknown', status: 'completed', text: `Belay: ${text}` })
}

function item(one: Item): TurnEvent {
  return { type: 'item', item: one }
}
