import type { ApprovalAnswer, ApprovalRequest, Approver } from '../../agents/port.ts'
import { printable } from '../../core/text.ts'
import { questionOf } from '../../exec/approve.ts'
import { oneLine } from '../views/format.ts'
import type { Console } from './console.ts'

const CHOICES = '[y]es, [a]lways in this chat, [n]o'

/** Asks in the chat itself, one question at a time. A pipe cannot be asked: denied. */
export function askInline(console: Console): Approver {
  let before: Promise<unknown> = Promise.resolve()
  return async (request, signal) => {
    const turn = before
    const { promise, resolve } = Promise.withResolvers<void>()
    before = promise
    try {
      await turn
      return await decide(console, request, signal)
    } finally {
      resolve()
    }
  }
}

async function decide(console: Console, request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalAnswer> {
  if (!console.interactive) return { decision: 'deny', reason: 'it needs approval and nobody is there to give it' }
  console.note(`? ${oneLine(questionOf(request), 600)}`)
  if (request.reason !== null) console.note(`  ${oneLine(request.reason, 300)}`)
  if (request.cwd !== null) console.note(`  in ${printable(request.cwd)}`)
  for (;;) {
    const answer = await console.ask(`${CHOICES}: `, signal)
    if (answer === null) return { decision: 'deny', reason: 'nobody answered' }
    const known = answerOf(answer)
    if (known !== null) return known
    console.note(`  please answer ${CHOICES}; words after it are told to the agent`)
  }
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
