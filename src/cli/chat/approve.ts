import type { ApprovalAnswer, ApprovalRequest, Approver } from '../../agents/port.ts'
import { printable, spelledOut } from '../../core/text.ts'
import { oneAtATime, questionOf, tooLong } from '../../agents/approvals/questions.ts'
import { oneLine } from '../views/format.ts'
import type { Asking } from './console.ts'

const CHOICES = '[y]es, [a]lways in this session, [n]o'

/** Asks in the terminal itself, one question at a time; denies if nobody can be asked. */
export function askInline(asking: Asking): Approver {
  return oneAtATime((request, signal) => decide(asking, request, signal))
}

async function decide(asking: Asking, request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalAnswer> {
  if (!asking.interactive) return { decision: 'deny', reason: 'it needs approval and nobody is there to give it' }
  const unshown = tooLong(request)
  if (unshown !== null) return { decision: 'deny', reason: unshown }
  asking.note(`? ${oneLine(questionOf(request), 600)}`)
  for (const line of detailsOf(request)) asking.note(line)
  if (request.reason !== null) asking.note(`  ${oneLine(request.reason, 300)}`)
  if (request.cwd !== null) asking.note(`  in ${printable(request.cwd)}`)
  for (;;) {
    const answer = await asking.ask(`${CHOICES}: `, signal)
    if (answer === null) return { decision: 'deny', reason: 'nobody answered' }
    const known = answerOf(answer)
    if (known !== null) return known
    asking.note(`  please answer ${CHOICES}; words after it are told to the agent`)
  }
}

/** Longest line with details of a question, in characters. */
const MAX_LINE = 600

/** What the question's own line leaves out: the rest of a command, changed paths, a tool's input. */
function detailsOf({ command, paths, tool, title }: ApprovalRequest): string[] {
  if (command !== null) return isWhole(command) ? [] : [spelledOut(command)]
  const unnamed = paths.filter((path) => !title.includes(path))
  const lines = unnamed.length === 0 ? [] : [`  changes ${oneLine(spelledOut(unnamed.join(', ')), MAX_LINE)}`]
  const input = tool === null ? '' : (JSON.stringify(tool.input) ?? '')
  if (tool !== null && !['', 'null', '{}'].includes(input))
    lines.push(`  ${oneLine(tool.name, 60)} ${oneLine(spelledOut(input), MAX_LINE)}`)
  return lines
}

/** Whether the question's own line shows the whole command. */
function isWhole(command: string): boolean {
  return command.length <= 400 && !command.includes('\n')
}

const ANSWERS = {
  y: 'allow',
  yes: 'allow',
  a: 'allow_session',
  always: 'allow_session',
  n: 'deny',
  no: 'deny',
} as const satisfies Record<string, ApprovalAnswer['decision']>

function answerOf(text: string): ApprovalAnswer | null {
  const [word = '', ...rest] = text.trim().split(/\s+/)
  const name = word.toLowerCase()
  if (!Object.hasOwn(ANSWERS, name)) return null
  const note = rest.length === 0 ? '' : `: ${rest.join(' ')}`
  return { decision: ANSWERS[name as keyof typeof ANSWERS], reason: `a person said ${name}${note}` }
}
