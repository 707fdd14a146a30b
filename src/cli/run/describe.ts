import { formatDuration } from '../../core/duration.ts'
import { head, printable } from '../../core/text.ts'
import type { RecordedEvent } from '../../record/index.ts'
import { describeMinor } from './describe-minor.ts'

type Data = Record<string, unknown>

/** Any event as a line for people: in words where there are some, else its type and data. */
export function describeAny(event: RecordedEvent): string {
  const text =
    describe(event, event.data, true) ??
    describeMinor(event.type, event.data) ??
    `${event.type} ${cut(JSON.stringify(event.data))}`
  return event.task === null ? text : `${printable(event.task)}  ${text}`
}

/** An event as a line for people; null if it deserves none (with `verbose`, more events do). */
export function describeEvent(event: RecordedEvent, verbose: boolean): string | null {
  const { data } = event
  const text = describe(event, data, verbose)
  if (text === null) return null
  return event.task === null ? text : `${printable(event.task)}  ${text}`
}

function describe({ type }: RecordedEvent, data: Data, verbose: boolean): string | null {
  switch (type) {
    case 'task.started':
      return 'started'
    case 'task.resumed':
      // Resumed unchanged: its next event says what it does.
      if (data['because'] === 'resumed' && !verbose) return null
      return `goes on${data['phase'] ? ` at ${str(data['phase'])}` : ''}`
    case 'task.phase':
      return verbose || WORTH[`${str(data['phase'])}.${str(data['outcome'])}`] !== undefined
        ? `${WORTH[`${str(data['phase'])}.${str(data['outcome'])}`] ?? `${str(data['phase'])}: ${str(data['outcome'])}`}${took(data)}`
        : null
    case 'task.done':
      return `done: ${reason(data)}`
    case 'task.blocked':
    case 'task.replan':
    case 'task.skipped':
    case 'task.cancelled':
    case 'task.suspended':
    case 'task.waiting':
      return `${type.slice(5)}: ${reason(data)}`
    case 'attempt.started':
      return `attempt ${str(data['attempt'])}`
    case 'attempt.tampered':
      return `undone: ${list(data['undone'])}`
    case 'attempt.reasked':
      return `the answer did not fit, asked again: ${list(data['problems'])}`
    case 'item.failover':
    case 'item.approval':
      return str(data['text'])
    case 'gate.finished':
      return gateLine(data)
    case 'review.finished':
      return `review: ${str(data['verdict'])}${findings(data)}`
    case 'checkpoint.opened':
      return `a person is asked: ${str(data['question'])}\n      belay answer ${str(data['id'])} VALUE (VALUE: ${list(data['options'])})`
    case 'run.landed':
      return `${str(data['target'])} follows: ${str(data['commit']).slice(0, 12)}`
    case 'run.not_landed':
      return `${data['target'] === null ? 'the result stays on its branch' : `${str(data['target'])} does not follow`}: ${reason(data)}${data['finish_command'] === null ? '' : `\n      finish with: ${str(data['finish_command'])}`}`
    case 'notify.failed':
      return `notify.command failed: ${str(data['message'])}`
    case 'run.finished':
      return `run ${str(data['status'])}`
    default:
      return verbose && type.startsWith('item.') ? itemLine(type, data) : null
  }
}

/** Phase outcomes that people want to see, in plain words. */
const WORTH: Readonly<Record<string, string>> = {
  'prepare.ready': 'workspace ready',
  'implement.changed': 'implemented',
  'implement.again': 'to be done again',
  'verify.failed': 'gates failed, back to the implementer',
  'verify.conflict': 'conflicts with another task, back to the implementer',
  'review.rework': 'rework',
}

function gateLine(data: Data): string {
  const counts = data['counts'] as { total: number; passed: number; failed: number } | null
  const tests = counts === null ? '' : `, ${counts.passed} of ${counts.total} tests passed`
  const why = data['reason'] === null ? '' : `: ${reason(data)}`
  return `gate ${str(data['gate'])} (${str(data['phase'])}): ${str(data['result'])}${tests}${why} (${formatDuration(Number(data['duration_ms']))})`
}

function findings(data: Data): string {
  const open = (data['findings'] as { severity: string; issue: string }[] | undefined) ?? []
  return open.map((one) => `\n      ${one.severity}: ${cut(one.issue)}`).join('')
}

function itemLine(type: string, data: Data): string | null {
  const text = cut(str(data['text']))
  return text === '' ? null : `${type.slice(5).replace('_', ' ')}: ${text}`
}

function took(data: Data): string {
  return typeof data['duration_ms'] === 'number' ? ` (${formatDuration(data['duration_ms'])})` : ''
}

function reason(data: Data): string {
  return cut((data['reason'] as { message?: string } | null)?.message ?? '')
}

function list(value: unknown): string {
  return Array.isArray(value) ? cut(value.map(String).join(', ')) : ''
}

function str(value: unknown): string {
  return typeof value === 'string' ? printable(value) : String(value)
}

function cut(text: string): string {
  return head(printable(text).replace(/\s+/g, ' ').trim(), 400)
}
