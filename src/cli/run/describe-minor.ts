import { formatDuration } from '../../core/duration.ts'
import { oneLine } from '../views/format.ts'

type Data = Record<string, unknown>

/** Describes events that get no line while a run is watched; null for unknown types. */
export function describeMinor(type: string, data: Data): string | null {
  switch (type) {
    case 'run.started':
      return `run started: ${text(data['feature'] ?? data['source'])}${data['target'] === null ? '' : ` into ${text(data['target'])}`}`
    case 'run.resumed':
      return 'run is worked on'
    case 'run.failed':
      return `run failed: ${message(data['reason'])}`
    case 'session.started':
      return `session started: ${text(data['role'])}, ${text(data['provider'])}${data['model'] === null ? '' : `/${text(data['model'])}`}, attempt ${text(data['attempt'])}`
    case 'session.ended':
      return `session ended: ${text(data['status'])}`
    case 'usage':
      return `used ${text(data['input_tokens'])} + ${text(data['output_tokens'])} tokens${typeof data['cost_usd'] === 'number' ? `, $${data['cost_usd'].toFixed(4)}` : ''}`
    case 'attempt.note':
    case 'review.note':
      return `note: ${text(data['note'])}`
    case 'attempt.conflict':
      return `conflicts with another task: ${list(data['paths'])}`
    case 'setup.finished':
      return `setup ${text(data['name'])} (${text(data['workspace'])}): exit ${text(data['exit_code'])} (${formatDuration(Number(data['duration_ms']))})`
    case 'setup.undone':
      return `setup changed tracked files, undone: ${list(data['paths'])}`
    case 'checkpoint.answered':
      return `answered: ${text(data['answer'])}${data['note'] == null ? '' : ` (${text(data['note'])})`}`
    default:
      return null
  }
}

function text(value: unknown): string {
  return oneLine(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 400)
}

function list(value: unknown): string {
  return Array.isArray(value) ? text(value.join(', ')) : ''
}

function message(reason: unknown): string {
  return text((reason as { message?: string } | null)?.message ?? '')
}
