import type { Item, TurnEvent } from '../../agents/port.ts'
import type { Denied } from '../../exec/index.ts'
import { oneLine } from '../views/format.ts'

/** Longest line about an agent's action, in characters. */
const MAX_LINE = 160
const MAX_DENIED = 10

/** Describes an agent's actions as lines for people: one per tool call, change and remark, and one for a denial or failure. */
export class Activity {
  readonly #told = new Map<string, Item['status']>()

  /** The lines for what is new in this event; may be empty. */
  lines(event: TurnEvent): string[] {
    if (event.type === 'approval') return deniedLine(event)
    return event.type === 'item' ? this.#item(event.item) : []
  }

  #item(item: Item): string[] {
    const { id, kind, status, text } = item
    const before = this.#told.get(id)
    if (kind === 'unknown') {
      if (before !== undefined || !text.startsWith('Belay: ')) return []
      this.#told.set(id, status)
      return [`note: ${oneLine(text.slice(7), 400)}`]
    }
    if (kind !== 'tool_call' && kind !== 'file_change') return []
    // A change made by a reported tool call is not reported again.
    const isNews = kind === 'tool_call' || !this.#told.has(id.replace(/:files$/, ''))
    if (before === undefined && !isNews) return []
    if (before === undefined && isOnlyNamed(item)) return []
    const lines = before === undefined ? [`> ${oneLine(titleOf(item), MAX_LINE)}`] : []
    if (status === 'failed' && before !== 'failed') lines.push(`  failed${failureOf(item)}`)
    this.#told.set(id, status)
    return lines
  }
}

function deniedLine({ state, answer, request }: Extract<TurnEvent, { readonly type: 'approval' }>): string[] {
  if (state !== 'answered' || answer?.decision !== 'deny') return []
  return [`  ${deniedText(request.command ?? request.title, answer.reason)}`]
}

function deniedText(what: string, why: string): string {
  return `denied: ${oneLine(what, MAX_LINE)} (${oneLine(why, MAX_LINE)})`
}

/** The denials of a turn, for users who did not see them happen. */
export function deniedLines(denied: readonly Denied[]): string[] {
  const more = denied.length - MAX_DENIED
  return [
    ...denied.slice(0, MAX_DENIED).map(({ title, reason }) => deniedText(title, without(title, reason))),
    ...(more > 0 ? [`denied: ${more} more`] : []),
  ]
}

/** Removes the command from the beginning of a reason if the title ends with it. */
function without(title: string, reason: string): string {
  const end = reason.indexOf(': ')
  return end > 0 && title.endsWith(reason.slice(0, end)) ? reason.slice(end + 2) : reason
}

/** Whether a tool call only has a name so far: some agents report calls before they know the input, and send them again. */
export function isOnlyNamed({ status, text, tool, kind }: Item): boolean {
  return kind === 'tool_call' && status === 'running' && tool !== undefined && isWord(text) && isEmpty(tool.input)
}

function isWord(text: string): boolean {
  return !/\s/.test(text.trim())
}

function isEmpty(input: unknown): boolean {
  if (input === null || input === undefined || input === '') return true
  // The folder alone does not say what a call does.
  return typeof input === 'object' && Object.keys(input).every((key) => key === 'cwd')
}

/** The agent's title for a call, with the command added if the title is only a name. */
function titleOf({ text, tool }: Item): string {
  const { command } = (typeof tool?.input === 'object' ? (tool.input ?? {}) : {}) as { readonly command?: unknown }
  return typeof command === 'string' && isWord(text) && text !== command ? `${text}: ${command}` : text
}

function failureOf({ tool }: Item): string {
  if (tool === undefined) return ''
  const last = tool.output?.trimEnd().split('\n').at(-1) ?? ''
  const code = tool.exitCode === null ? '' : ` (exit ${tool.exitCode})`
  return `${code}${last === '' ? '' : `: ${oneLine(last, 120)}`}`
}
