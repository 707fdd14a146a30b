import { messageOf } from '../../core/errors.ts'
import { cap } from '../../core/text.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver, TurnEvent } from '../port.ts'

/** The longest text of a request in events; the approver sees all of it. */
const TOLD_TEXT = 4 << 10
const TOLD_PATHS = 50

interface Open {
  readonly request: ApprovalRequest
  readonly withdrawn: AbortController
}

/**
 * Handles an agent's approval requests during one turn: emits `approval` events, gets each request decided, and drops it when
 * the agent withdraws it or the turn ends. Every request ends in exactly one `answered` or `withdrawn`.
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
   * Resolves to the answer, or to null if it is no longer needed. Never rejects: an approver that fails counts as a denial. A
   * request with the id of one that is still open is denied, so that an answer cannot be taken for that of another request.
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

  /** The agent no longer waits for this answer. Unknown ids are ignored. */
  withdraw(id: string): void {
    const open = this.#open.get(id)
    if (!open) return
    this.#open.delete(id)
    this.#tell(open.request, 'withdrawn', null)
    open.withdrawn.abort()
  }

  /** The turn is over: withdraws all open requests and accepts no more. Safe to repeat. */
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
