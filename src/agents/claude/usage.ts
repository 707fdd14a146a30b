import type { TurnEvent } from '../port.ts'
import { asAmount, asFrame, asText, type Frame } from '../stdio/index.ts'

interface Tokens {
  readonly input: number
  readonly output: number
  /** The parts of `input` that were read from the cache, and written to it. */
  readonly read: number
  readonly written: number
}

const NONE: Tokens = { input: 0, output: 0, read: 0, written: 0 }

/**
 * Turns reports into increments of usage. Tokens are reported as messages end. The cost only comes with the result, so earlier
 * increments carry cost 0, and the sum is right at the end. A turn that is cut off before its result ends with an increment of
 * unknown cost. Input tokens include those read from and written to the provider's cache.
 *
 * Trap: `total_cost_usd` and `modelUsage` of a resumed conversation include its earlier turns.
 */
export class UsageMeter {
  readonly #resumed: boolean
  /** Counters of messages that have not ended, by message id. */
  readonly #open = new Map<string, Tokens>()
  #told: Tokens = NONE
  #costBefore = 0

  constructor(resumed: boolean) {
    this.#resumed = resumed
  }

  /** Handles a `stream_event`: counters come at the start and the end of a message. */
  *onStreamEvent(frame: Frame): Generator<TurnEvent> {
    const event = asFrame(frame.event)
    const message = asFrame(event.message)
    const id = asText(message.id) ?? asText(frame.api_message_id) ?? asText(frame.parent_tool_use_id) ?? ''
    if (event.type === 'message_start') this.#open.set(id, tokensOf(asFrame(message.usage)))
    if (event.type !== 'message_delta') return
    const started = this.#open.get(id) ?? NONE
    const now = tokensOf(asFrame(event.usage))
    this.#open.delete(id)
    yield* this.#tell(combine(started, now, Math.max), 0)
  }

  /** Handles a `result`: the remaining tokens (other models, subagents), and the total cost. */
  *onResult(result: Frame): Generator<TurnEvent> {
    const total = asAmount(result.total_cost_usd)
    const models = Object.values(asFrame(result.model_usage_since_last_result)).map(asFrame)
    const since = models.length > 0 ? models.map(tokensOf).reduce(add, NONE) : tokensOf(asFrame(result.usage))
    const cost =
      result.model_usage_since_last_result !== undefined
        ? models.reduce((sum, model) => sum + asAmount(model.costUSD), 0)
        : this.#resumed || typeof result.total_cost_usd !== 'number'
          ? null
          : total - this.#costBefore
    const rest = combine(since, this.#told, (all, told) => Math.max(0, all - told))
    this.#costBefore = total
    yield* this.#tell(rest, cost)
    this.#told = NONE
    this.#open.clear()
  }

  /** Called when no result will come: emits the tokens of unfinished messages, at unknown cost. */
  *onCutOff(): Generator<TurnEvent> {
    const begun = [...this.#open.values()].reduce(add, NONE)
    this.#open.clear()
    if (begun.input + begun.output + this.#told.input + this.#told.output > 0) yield* this.#tell(begun, null)
    this.#told = NONE
  }

  *#tell(tokens: Tokens, costUsd: number | null): Generator<TurnEvent> {
    this.#told = add(this.#told, tokens)
    if (tokens.input + tokens.output === 0 && costUsd === 0) return
    const { input, output, read, written } = tokens
    const usage = {
      inputTokens: input,
      outputTokens: output,
      costUsd,
      cacheReadTokens: read,
      cacheWriteTokens: written,
    }
    yield { type: 'usage', usage }
  }
}

function add(a: Tokens, b: Tokens): Tokens {
  return combine(a, b, (one, other) => one + other)
}

function combine(a: Tokens, b: Tokens, by: (a: number, b: number) => number): Tokens {
  return {
    input: by(a.input, b.input),
    output: by(a.output, b.output),
    read: by(a.read, b.read),
    written: by(a.written, b.written),
  }
}

/** Accepts both spellings: the API's (`input_tokens`), and that of the usage per model (`inputTokens`). */
function tokensOf(usage: Frame): Tokens {
  const read = asAmount(usage.cache_read_input_tokens) + asAmount(usage.cacheReadInputTokens)
  const written = asAmount(usage.cache_creation_input_tokens) + asAmount(usage.cacheCreationInputTokens)
  return {
    input: asAmount(usage.input_tokens) + asAmount(usage.inputTokens) + read + written,
    output: asAmount(usage.output_tokens) + asAmount(usage.outputTokens),
    read,
    written,
  }
}
