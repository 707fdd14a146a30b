import { formatDuration } from '../core/duration.ts'
import { head } from '../core/text.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../agents/port.ts'
import { askInSession, type Ask, type Session } from '../sessions/index.ts'

/** What a person is shown: characters on the line of a question, and in what belongs to it. */
const MAX_LINE = 500
const MAX_COMMAND = 8000
const MAX_TITLE = 2000
const MAX_INPUT = 4000
const MAX_PATHS = 50

/** Nobody is there: what is not allowed by itself is denied. */
export const nobody: Approver = () =>
  Promise.resolve({ decision: 'deny', reason: 'it needs approval and nobody is there to give it' })

/**
 * Asks durably: the question stands in the session until somebody answers it from any terminal (`belay answer`), it expires
 * (then it is denied), or the agent withdraws it. `told` says that it was asked.
 */
export function askDurably(session: Session, expiryMs: number, told: (ask: Ask) => void): Approver {
  return async (request, signal) => {
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
  const cut =
    what.length > MAX_LINE ? ` ... (cut here: ${what.length - MAX_LINE} more characters, see all of it first)` : ''
  return `may the agent do this? ${head(what, MAX_LINE)}${cut}`
}

/** Why a person cannot be asked: nobody may approve what is not shown in full. */
function tooLong({ title, command, paths, tool }: ApprovalRequest): string | null {
  const input = tool === null ? '' : (JSON.stringify(tool.input) ?? '')
  const over = [
    [command === null ? 'title' : 'command', (command ?? title).length, command === null ? MAX_TITLE : MAX_COMMAND],
    ['list of paths', paths.length, MAX_PATHS],
    ["tool's input", command === null ? input.length : 0, MAX_INPUT],
  ] as const
  const found = over.find(([, size, limit]) => size > limit)
  if (found === undefined) return null
  return `its ${found[0]} is longer (${found[1]}) than what a person is shown (${found[2]}): do it in smaller steps, or put it into a file`
}

function contextOf({ kind, title, command, cwd, paths, tool, reason }: ApprovalRequest): Record<string, unknown> {
  const input = tool === null ? null : head(JSON.stringify(tool.input) ?? 'null', MAX_INPUT)
  const all = {
    kind,
    title: head(title, MAX_TITLE),
    command: command && head(command, MAX_COMMAND),
    cwd,
    paths: paths.slice(0, MAX_PATHS),
    tool: tool?.name ?? null,
    input,
    reason,
  }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)),
  )
}
