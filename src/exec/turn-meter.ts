import { TurnCost } from '../agents/turn-cost.ts'
import type { Usage } from '../core/words.ts'

const TIMEOUT_MS = 3_600_000

export interface ExecLimits {
  /** Of the whole turn; null: the agent definition's, else an hour. */
  readonly timeoutMs: number | null
  readonly stallMs: number
  /** null: the agent's own limit. */
  readonly maxSteps: number | null
  readonly budgetUsd: number | null
}

/** What a turn has used, against its limits; the first that is reached aborts `signal`. Its time runs from the beginning. */
export class TurnMeter {
  readonly #limits: ExecLimits
  readonly #countsSteps: boolean
  readonly #until: number
  readonly #stop = new AbortController()
  readonly #cost: TurnCost
  readonly #tools = new Set<string>()
  #over: { readonly reason: string; readonly message: string } | null = null
  #usage: Usage = { inputTokens: 0, outputTokens: 0, costUsd: null }
  /** Tokens were used whose cost nobody knows. */
  #blind = false

  /** `countsSteps`: the agent keeps no count of its own, so it is ended when it begins one tool call too many. */
  constructor(limits: ExecLimits, model: string | null, countsSteps: boolean) {
    this.#limits = limits
    this.#countsSteps = countsSteps
    this.#cost = new TurnCost(model)
    this.#until = performance.now() + (limits.timeoutMs ?? TIMEOUT_MS)
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Why Belay itself ended the turn, or null. */
  get over(): { readonly reason: string; readonly message: string } | null {
    return this.#over
  }

  /** Everything used so far; the cost is that of what has a known one. */
  get usage(): Usage {
    return this.#usage
  }

  get toolCalls(): number {
    return this.#tools.size
  }

  /** What is left of the turn's time; at least 1. */
  msLeft(): number {
    return Math.max(1, this.#until - performance.now())
  }

  /** The agent has said which model it uses; null: it did not. */
  learn(model: string | null): void {
    this.#cost.learn(model)
  }

  /** Counts what was used; returns it with its cost, by the price table where the agent names none. */
  count(usage: Usage): Usage {
    const costUsd = this.#cost.of(usage)
    const { inputTokens, outputTokens } = this.#usage
    if (costUsd === null && usage.inputTokens + usage.outputTokens > 0) this.#blind = true
    this.#usage = {
      inputTokens: inputTokens + usage.inputTokens,
      outputTokens: outputTokens + usage.outputTokens,
      costUsd: costUsd === null ? this.#usage.costUsd : (this.#usage.costUsd ?? 0) + costUsd,
    }
    this.#checkBudget()
    return { ...usage, costUsd }
  }

  /** Counts a tool call; telling of the same one again counts nothing. */
  countToolCall(id: string): void {
    this.#tools.add(id)
    const { maxSteps } = this.#limits
    if (this.#countsSteps && maxSteps !== null && this.#tools.size > maxSteps)
      this.#end('max_steps', `the limit of ${maxSteps} ${maxSteps === 1 ? 'step' : 'steps'} was reached`)
  }

  #checkBudget(): void {
    const { budgetUsd } = this.#limits
    if (budgetUsd === null) return
    if ((this.#usage.costUsd ?? 0) + (this.#cost.untold ?? 0) >= budgetUsd)
      this.#end('budget_usd', `the budget of $${budgetUsd} is used up`)
    else if (this.#blind)
      this.#end(
        'budget_unknown',
        `the cost of model ${this.#cost.model ?? '(not named)'} is unknown, so the budget of $${budgetUsd} cannot be enforced`,
      )
  }

  #end(reason: string, message: string): void {
    this.#over ??= { reason, message }
    this.#stop.abort()
  }
}
