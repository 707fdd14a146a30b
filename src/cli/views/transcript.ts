import { printable } from '../../core/text.ts'
import type { RecordedEvent } from '../../record/index.ts'
import { block, oneLine } from './format.ts'

/** Most lines of a tool's output that are shown. */
const OUTPUT_LINES = 20

interface ItemData {
  readonly text?: string
  readonly status?: string
  readonly attempt?: number
  readonly tool?: { readonly name: string; readonly output: string | null; readonly exit_code: number | null }
}

/** Turns `item.*` events into text for people, with a heading whenever attempt, agent or conversation change. */
export class Transcript {
  #heading = ''

  /** Lines for one event. */
  lines(event: RecordedEvent): string[] {
    const data = event.data as ItemData
    const heading = `attempt ${data.attempt ?? '?'}, ${printable(event.actor)}, ${event.session ?? 'no session'}`
    const item = itemLines(event.type.slice('item.'.length), data)
    if (heading === this.#heading) return item
    const first = this.#heading === ''
    this.#heading = heading
    return [...(first ? [] : ['']), `--- ${heading}`, ...item]
  }
}

function itemLines(kind: string, data: ItemData): string[] {
  const text = data.text ?? ''
  const failed = data.status === 'failed' ? ' (failed)' : ''
  switch (kind) {
    case 'message':
      return plain(text)
    case 'reasoning':
      return plain(text).map((line) => `  ~ ${line}`)
    case 'tool_call':
      return tool(text, data, failed)
    case 'file_change':
      return plain(text).map((line) => `  * ${line}${failed}`)
    case 'plan':
      return ['  plan', ...plain(text).map((line) => `  | ${line}`)]
    case 'approval':
      return [`  ! ${oneLine(text, 1000)}`]
    default:
      return [`  ? ${oneLine(text, 400)}`]
  }
}

function tool(text: string, { tool: call }: ItemData, failed: string): string[] {
  const name = call === undefined || text.startsWith(call.name) ? '' : `${oneLine(call.name, 80)}: `
  const code = call?.exit_code == null || call.exit_code === 0 ? failed : ` (exit ${call.exit_code})`
  const [first = '', ...more] = plain(text)
  const output = call?.output ?? ''
  return [
    `  $ ${name}${first}${code}`,
    ...more.map((line) => `    ${line}`),
    ...(output.trim() === '' ? [] : block(output, '  | ', OUTPUT_LINES)),
  ]
}

function plain(text: string): string[] {
  return printable(text).replace(/\n+$/, '').split('\n')
}
