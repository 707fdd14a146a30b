import { formatDuration } from '../core/duration.ts'
import type { Approver } from '../agents/port.ts'
import { askedOf, contextOf, oneAtATime, questionOf, tooLong } from '../agents/approvals/questions.ts'
import { askInSession, type Ask, type Session } from '../sessions/index.ts'

/**
 * Asks durably: the question stays in the session until somebody answers it from any terminal (`belay answer`), it expires
 * (then the answer is deny), or the agent withdraws it. `told` is called when it is asked. Questions are asked one at a time,
 * and each one's time starts when it is asked.
 */
export function askDurably(session: Session, expiryMs: number, told: (ask: Ask) => void): Approver {
  return oneAtATime(async (request, signal) => {
    const unshown = tooLong(request)
    if (unshown !== null) return { decision: 'deny', reason: unshown }
    const until = Date.now() + expiryMs
    try {
      const answer = await askInSession(
        session,
        { question: questionOf(request), context: contextOf(request) },
        until,
        signal,
        told,
      )
      if (answer === null) return { decision: 'deny', reason: `nobody answered within ${formatDuration(expiryMs)}` }
      return askedOf(answer.value, answer.note)
    } catch (error) {
      if (signal.aborted) return { decision: 'deny', reason: 'it was withdrawn' }
      throw error
    }
  })
}
