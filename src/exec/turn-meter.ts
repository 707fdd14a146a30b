import { TurnCost } from '../agents/turn-cost.ts'
import type { Usage } from '../core/words.ts'

const TIMEOUT_MS = 3_600_000

export interface ExecLimits {
  /** For the whole turn; null: the agent definition's, else an hour. */
  readonly timeoutMs: number | null
  readonly stallMs: number
  /** null: the agent's own limit. */
  readonly maxSteps: number | null
  readonly budgetUsd: number | null
}

/** Compares a turn's usage with its limits; the first limit that is reached aborts `signal`. Its time starts at creation. */
export class TurnMeter {
  readonly #limits: ExecLimits
  readonly #countsSteps: boolean
  readonly #until: number
  readonly #stop = new AbortController()
  readonly #cost: TurnCost
  readonly #tools = new Set<string>()
  #over: { readonly reason: string; readonly message: string } | null = null
  #usage: Usage = { inputTokens: 0, outputTokens: 0, costUsd: null }
  /** Tokens of unknown cost were used. */
  #blind = false

  /** `countsSteps`: the agent does not count its steps itself, so it is ended when it starts one tool call too many. */
  constructor(limits: ExecLimits, model: string | null, countsSteps: boolean) {
    this.#limits = limits
    this.#countsSteps = countsSteps
    this.#cost = new TurnCost(model)
    this.#until = performance.now() + (limits.timeoutMs ?? TIMEOUT_MS)
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Why Belay ended the turn, or null. */
  get over(): { readonly reason: string; readonly message: string } | null {
    return this.#over
  }

  /** Everything used so far; the cost includes only what has a known cost. */
  get usage(): Usage {
    return this.#usage
  }

  get toolCalls(): number {
    return this.#tools.size
  }

  /** The rest of the turn's time, in ms; at least 1. */
  msLeft(): number {
    return Math.max(1, this.#until - performance.now())
  }

  /** Call it when the agent reports its model; null: it named none. */
  learn(model: string | null): void {
    this.#cost.learn(model)
  }

  /** Counts usage, and returns it with its cost, taken from the price table if the agent reports none. */
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

  /** Counts a tool call; repeated reports of the same one do not count. */
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
