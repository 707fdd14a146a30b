import { formatDuration } from '../core/duration.ts'
import { head } from '../core/text.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../agents/port.ts'
import { askInSession, type Ask, type Session } from '../sessions/index.ts'

/** Nobody is there: what is not allowed by itself is denied. */
export const nobody: Approver = () =>
  Promise.resolve({ decision: 'deny', reason: 'it needs approval and nobody is there to give it' })

/**
 * Asks durably: the question stands in the session until somebody answers it from any terminal (`belay answer`), it expires
 * (then it is denied), or the agent withdraws it. `told` says that it was asked.
 */
export function askDurably(session: Session, expiryMs: number, told: (ask: Ask) => void): Approver {
  return async (request, signal) => {
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
      return answered(answer.value, answer.note)
    } catch (error) {
      if (signal.aborted) return { decision: 'deny', reason: 'it was withdrawn' }
      throw error
    }
  }
}

function answered(value: 'allow' | 'always' | 'deny', note: string | null): ApprovalAnswer {
  const reason = `a person said ${value}${note === null ? '' : `: ${note}`}`
  return { decision: value === 'always' ? 'allow_session' : value, reason }
}

/** What is asked, on one line. */
export function questionOf(request: ApprovalRequest): string {
  const what = (request.command ?? request.title).replace(/\s+/g, ' ').trim()
  return `may the agent do this? ${head(what, 500)}`
}

function contextOf({ kind, title, command, cwd, paths, tool, reason }: ApprovalRequest): Record<string, unknown> {
  const input = tool === null ? null : head(JSON.stringify(tool.input) ?? 'null', 4000)
  const all = {
    kind,
    title: head(title, 2000),
    command: command && head(command, 8000),
    cwd,
    paths: paths.slice(0, 50),
    tool: tool?.name ?? null,
    input,
    reason,
  }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)),
  )
}
