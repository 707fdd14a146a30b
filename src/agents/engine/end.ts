import type { FinishReason, LoopReport } from '../../engine/index.ts'
import type { TurnEnd, TurnErrorCode } from '../port.ts'

const CODES: Readonly<Partial<Record<FinishReason, TurnErrorCode>>> = {
  quota: 'quota',
  rate_limit: 'rate_limit',
  auth: 'auth',
  invalid_output: 'protocol',
  setup_error: 'spawn',
}

/** Translates the loop's report into the end of a turn. */
export function turnEnd({ finish, text, output }: LoopReport): TurnEnd {
  const { reason, message, retryAt, fault } = finish
  if (reason === 'agent_done') return { status: 'completed', output, text }
  if (reason === 'cancelled') return { status: 'interrupted' }
  const code = CODES[reason] ?? (fault === 'provider' ? 'provider' : 'failed')
  return { status: 'failed', error: { code, message: `${reason}: ${message}`, retryAt, stderrTail: '' } }
}

export function failedEnd(code: TurnErrorCode, message: string): TurnEnd {
  return { status: 'failed', error: { code, message, retryAt: null, stderrTail: '' } }
}
