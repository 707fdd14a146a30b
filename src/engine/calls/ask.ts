import { messageOf } from '../../core/errors.ts'

/** A tool call that needs a person's approval. All of its text comes from the model: untrusted. */
export interface Ask {
  readonly id: string
  readonly tool: string
  readonly title: string
  readonly input: unknown
  /** The command line, if the call runs one; otherwise null. */
  readonly command: string | null
  readonly cwd: string
  readonly reason: string
}

export interface AskAnswer {
  readonly decision: 'allow' | 'allow_session' | 'deny'
  readonly reason: string
}

/** Decides a request for approval. `signal` aborts when the answer is no longer needed. */
export type Asker = (ask: Ask, signal: AbortSignal) => Promise<AskAnswer>

/** The reason for a refusal when there is nobody to ask. */
export const NOBODY = 'it needs the approval of a person, and nobody is there to give it'

/**
 * Resolves to the answer, or to null if the turn ended first; a later answer is ignored. An asker that throws counts as a
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
