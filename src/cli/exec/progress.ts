import type { Item, TurnEvent } from '../../agents/port.ts'
import type { Io } from '../io.ts'
import { oneLine } from '../views/format.ts'

const MAX_LINE = 160

/** Says on stderr what an agent does, a line per tool call, change and remark. Its last message is the result, not progress. */
export class Progress {
  readonly #io: Io
  readonly #told = new Map<string, Item['status']>()
  #message: Item | null = null

  constructor(io: Io) {
    this.#io = io
  }

  turn(event: TurnEvent): void {
    if (event.type === 'approval') {
      const { request, state, answer } = event
      if (state === 'answered' && answer?.decision === 'deny')
        this.#io.note(
          `denied: ${oneLine(request.command ?? request.title, MAX_LINE)} (${oneLine(answer.reason, MAX_LINE)})`,
        )
      return
    }
    if (event.type === 'item') this.#item(event.item)
  }

  #item(item: Item): void {
    const { id, kind, status } = item
    if (kind === 'message') {
      if (this.#message !== null && this.#message.id !== id) this.#io.note(`  ${oneLine(this.#message.text, MAX_LINE)}`)
      this.#message = item
      return
    }
    if (kind === 'unknown' && item.text.startsWith('Belay: '))
      this.#io.note(`note: ${oneLine(item.text.slice(7), 400)}`)
    if (kind !== 'tool_call' && kind !== 'file_change') return
    if (this.#told.get(id) === undefined) this.#io.note(`> ${oneLine(item.text, MAX_LINE)}`)
    if (status === 'failed' && this.#told.get(id) !== 'failed') this.#io.note(`  failed${failureOf(item)}`)
    this.#told.set(id, status)
  }
}

function failureOf({ tool }: Item): string {
  if (tool === undefined) return ''
  const last = tool.output?.trimEnd().split('\n').at(-1) ?? ''
  const code = tool.exitCode === null ? '' : ` (exit ${tool.exitCode})`
  return `${code}${last === '' ? '' : `: ${oneLine(last, 120)}`}`
}
