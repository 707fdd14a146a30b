/** Classifies a failure that an agent only describes in words. */
import { head } from '../core/text.ts'
import type { TurnErrorCode } from './port.ts'

export interface Fault {
  readonly code: TurnErrorCode
  readonly message: string
  /** ISO time; null: none was named. */
  readonly retryAt: string | null
}

const MESSAGE = 4096

/** Checked in order: the first match counts. */
const WORDS: readonly (readonly [TurnErrorCode, RegExp])[] = [
  [
    'quota',
    /usage.?limit|quota|insufficient.?(funds|credit|balance)|credit balance is too low|out of credits|billing|payment required|\b402\b/i,
  ],
  ['rate_limit', /\b429\b|\b529\b|rate.?limit|too many requests|overloaded|resource.?exhausted/i],
  [
    'auth',
    /\b401\b|\b403\b|unauthori[sz]ed|authentication|auth.?required|not logged in|(invalid|incorrect) (api )?(key|token)|api.?key.*(invalid|missing|not)/i,
  ],
  [
    'provider',
    /\b5\d\d\b|internal.?server|server.?error|fetch failed|terminated|socket|econn|network|connection|disconnected|timed? ?out|stream.*(ended|closed|incomplete|aborted)|premature|incomplete/i,
  ],
]

/** Classifies a failure by its text. `status`: the HTTP status, if the agent names one. */
export function faultIn(text: string, status: number | null = null): Fault {
  const message = head(text.trim() || 'the agent failed without a reason', MESSAGE)
  const named = status === null ? null : codeOfStatus(status)
  const worded = WORDS.find(([, pattern]) => pattern.test(message))?.[0] ?? null
  // Providers use 429 for both; only the text tells a used-up quota from a rate limit.
  const code = named === 'rate_limit' && worded === 'quota' ? 'quota' : (named ?? worded ?? 'failed')
  return { code, message, retryAt: null }
}

function codeOfStatus(status: number): TurnErrorCode | null {
  if (status === 401 || status === 403) return 'auth'
  if (status === 402) return 'quota'
  if (status === 429 || status === 529) return 'rate_limit'
  return status >= 500 || status === 408 ? 'provider' : null
}
