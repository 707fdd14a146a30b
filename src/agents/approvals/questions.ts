/** Turns an agent's approval request into a question to a person. */
import { head, spelledOut } from '../../core/text.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../port.ts'

/** Limits in characters of what a person is shown: the question's line, and the details below it. */
const MAX_LINE = 500
const MAX_COMMAND = 8000
const MAX_TITLE = 2000
const MAX_INPUT = 4000
const MAX_PATHS = 50

/** Passes requests to `approve` one at a time. A request that is withdrawn while it waits is denied. */
export function oneAtATime(approve: Approver): Approver {
  let before: Promise<unknown> = Promise.resolve()
  return async (request, signal) => {
    const turn = before
    const { promise, resolve } = Promise.withResolvers<void>()
    before = promise
    try {
      await turn
      if (signal.aborted) return { decision: 'deny', reason: 'it was withdrawn' }
      return await approve(request, signal)
    } finally {
      resolve()
    }
  }
}

/** The meaning of a person's answer (`allow`, `always`, `deny`); anything else counts as a denial. */
export function askedOf(value: string, note: string | null): ApprovalAnswer {
  const reason = `a person said ${value}${note === null ? '' : `: ${note}`}`
  return { decision: value === 'always' ? 'allow_session' : value === 'allow' ? 'allow' : 'deny', reason }
}

/** The question, on one line. */
export function questionOf(request: ApprovalRequest): string {
  const what = spelledOut(request.command ?? request.title)
    .replace(/\s+/g, ' ')
    .trim()
  return `may the agent do this? ${shown(what, MAX_LINE)}`
}

/** Why a person cannot be asked, or null. Nobody may approve a command that is not shown in full. */
export function tooLong({ command }: ApprovalRequest): string | null {
  if (command === null || command.length <= MAX_COMMAND) return null
  return `the command is longer (${command.length} characters) than what a person is shown (${MAX_COMMAND}): put it into a file`
}

/** The beginning of a text, and how much is missing. */
function shown(text: string, most: number): string {
  return text.length <= most ? text : `${head(text, most)} ... (cut here: ${text.length - most} more characters)`
}

/** The details that a person needs to decide. */
export function contextOf({
  kind,
  title,
  command,
  cwd,
  paths,
  tool,
  reason,
}: ApprovalRequest): Record<string, unknown> {
  const input = tool === null ? null : shown(JSON.stringify(tool.input) ?? 'null', MAX_INPUT)
  const all = {
    kind,
    title: shown(title, MAX_TITLE),
    command,
    cwd,
    paths: paths.slice(0, MAX_PATHS),
    paths_not_shown: paths.length > MAX_PATHS ? paths.length - MAX_PATHS : null,
    tool: tool?.name ?? null,
    input,
    reason,
  }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0)),
  )
}
