import type { Item, TurnEvent } from '../../agents/port.ts'
import { printable } from '../../core/text.ts'
import { oneLine } from '../views/format.ts'
import type { Console } from './console.ts'

const MAX_LINE = 160

/** Writes a turn as it goes: what the agent says word for word, what it does a line each. */
export class TurnSpeech {
  readonly #console: Console
  /** By item: how much of its (printable) text was written. */
  readonly #written = new Map<string, string>()
  readonly #told = new Map<string, Item['status']>()
  #open: string | null = null

  constructor(console: Console) {
    this.#console = console
  }

  event(event: TurnEvent): void {
    if (event.type === 'item') this.#item(event.item)
    if (event.type === 'approval' && event.state === 'answered' && event.answer?.decision === 'deny') {
      this.#endLine()
      const what = oneLine(event.request.command ?? event.request.title, MAX_LINE)
      this.#console.note(`  denied: ${what} (${oneLine(event.answer.reason, MAX_LINE)})`)
    }
  }

  /** Ends the line that is open. Safe to repeat. */
  close(): void {
    this.#endLine()
  }

  #item(item: Item): void {
    if (item.kind === 'message') this.#say(item)
    else if (item.kind === 'tool_call' || item.kind === 'file_change') this.#act(item)
    else if (item.kind === 'unknown' && item.text.startsWith('Belay: ')) this.#remark(item)
  }

  #say({ id, text, status }: Item): void {
    const all = printable(text)
    const before = this.#written.get(id) ?? ''
    if (this.#open !== id) this.#endLine()
    // Text that was changed, and not only gone on with, is written again.
    const rest = all.startsWith(before) ? all.slice(before.length) : `\n${all}`
    if (rest !== '') {
      this.#console.write(rest)
      this.#open = id
    }
    this.#written.set(id, all)
    if (status !== 'running') this.#endLine()
  }

  #act(item: Item): void {
    if (item.kind === 'file_change' && this.#told.has(item.id.replace(/:files$/, ''))) return
    this.#endLine()
    if (this.#told.get(item.id) === undefined) this.#console.note(`> ${oneLine(item.text, MAX_LINE)}`)
    if (item.status === 'failed' && this.#told.get(item.id) !== 'failed') {
      const code = item.tool?.exitCode ?? null
      const last = item.tool?.output?.trimEnd().split('\n').at(-1) ?? ''
      this.#console.note(
        `  failed${code === null ? '' : ` (exit ${code})`}${last === '' ? '' : `: ${oneLine(last, 120)}`}`,
      )
    }
    this.#told.set(item.id, item.status)
  }

  #remark(item: Item): void {
    if (this.#told.has(item.id)) return
    this.#told.set(item.id, item.status)
    this.#endLine()
    this.#console.note(`note: ${oneLine(item.text.slice(7), 400)}`)
  }

  #endLine(): void {
    if (this.#open === null) return
    if (!(this.#written.get(this.#open) ?? '').endsWith('\n')) this.#console.write('\n')
    this.#open = null
  }
}
