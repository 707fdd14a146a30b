import { messageOf } from '../../core/errors.ts'
import { cap } from '../../core/text.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver, TurnEvent } from '../port.ts'

/** The longest text of a request that is told on; whoever decides sees all of it. */
const TOLD_TEXT = 4 << 10
const TOLD_PATHS = 50

interface Open {
  readonly request: ApprovalRequest
  readonly withdrawn: AbortController
}

/**
 * What an agent asks for during one turn: tells it as `approval` events, has it decided, and forgets it when the agent
 * withdraws it or the turn is over. Every request ends in exactly one `answered` or `withdrawn`.
 */
export class ApprovalDesk {
  readonly #approve: Approver
  readonly #emit: (event: TurnEvent) => void
  readonly #open = new Map<string, Open>()
  #closed = false

  constructor(approve: Approver, emit: (event: TurnEvent) => void) {
    this.#approve = approve
    this.#emit = emit
  }

  /**
   * Resolves with the answer, or null when it is of no use any more. Never rejects: an approver that fails has denied. A second
   * request with an id that is still open is denied, so that no answer can be taken for that of another question.
   */
  async ask(request: ApprovalRequest): Promise<ApprovalAnswer | null> {
    if (this.#closed) return null
    if (this.#open.has(request.id)) return { decision: 'deny', reason: `a request ${request.id} is open already` }
    const open: Open = { request, withdrawn: new AbortController() }
    this.#open.set(request.id, open)
    this.#tell(request, 'asked', null)
    const answer = await this.#decide(open)
    if (this.#open.get(request.id) !== open) return null
    this.#open.delete(request.id)
    this.#tell(request, 'answered', answer)
    return answer
  }

  /** The agent does not wait for this answer any more; unknown ids are ignored. */
  withdraw(id: string): void {
    const open = this.#open.get(id)
    if (!open) return
    this.#open.delete(id)
    this.#tell(open.request, 'withdrawn', null)
    open.withdrawn.abort()
  }

  /** The turn is over: withdraws what is open, and asks nothing more. Safe to repeat. */
  close(): void {
    this.#closed = true
    for (const id of this.#open.keys()) this.withdraw(id)
  }

  async #decide({ request, withdrawn }: Open): Promise<ApprovalAnswer> {
    try {
      return await this.#approve(request, withdrawn.signal)
    } catch (error) {
      return { decision: 'deny', reason: `nobody could decide: ${messageOf(error)}` }
    }
  }

  #tell(request: ApprovalRequest, state: 'asked' | 'answered' | 'withdrawn', answer: ApprovalAnswer | null): void {
    this.#emit({ type: 'approval', request: told(request), state, answer })
  }
}

function told(request: ApprovalRequest): ApprovalRequest {
  const { title, command, reason, paths, tool } = request
  const input = JSON.stringify(tool?.input) ?? 'null'
  return {
    ...request,
    title: cap(title, TOLD_TEXT),
    command: command === null ? null : cap(command, TOLD_TEXT),
    reason: reason === null ? null : cap(reason, TOLD_TEXT),
    paths: paths.slice(0, TOLD_PATHS).map((path) => cap(path, TOLD_TEXT)),
    tool: tool === null || input.length <= TOLD_TEXT ? tool : { name: tool.name, input: cap(input, TOLD_TEXT) },
  }
}
