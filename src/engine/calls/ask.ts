import { messageOf } from '../../core/errors.ts'

/** What a tool call needs a person for. Everything in it is the model's word: untrusted. */
export interface Ask {
  readonly id: string
  readonly tool: string
  readonly title: string
  readonly input: unknown
  /** The command line, when the call is one. */
  readonly command: string | null
  readonly cwd: string
  readonly reason: string
}

export interface AskAnswer {
  readonly decision: 'allow' | 'allow_session' | 'deny'
  readonly reason: string
}

/** Decides an ask; `signal` aborts when the answer is of no use any more. */
export type Asker = (ask: Ask, signal: AbortSignal) => Promise<AskAnswer>

/** Nobody is there: everything that would have to be asked is refused, and says so. */
export const NOBODY = 'it needs the approval of a person, and nobody is there to give it'

/**
 * The answer to an ask; null when the turn was ended before it came (a later answer is dropped). An approver that fails is a
 * refusal.
 */
export async function askPerson(asker: Asker | null, ask: Ask, signal: AbortSignal): Promise<AskAnswer | null> {
  if (signal.aborted) return null
  if (asker === null) return { decision: 'deny', reason: NOBODY }
  const over = Promise.withResolvers<null>()
  const onAbort = (): void => over.resolve(null)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([answer(asker, ask, signal), over.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function answer(asker: Asker, ask: Ask, signal: AbortSignal): Promise<AskAnswer> {
  try {
    return await asker(ask, signal)
  } catch (error) {
    return { decision: 'deny', reason: `the question could not be answered: ${messageOf(error)}` }
  }
}
