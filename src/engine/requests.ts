import type { AssistantMessage, Tool as WireTool } from '@earendil-works/pi-ai'
import type { Usage } from '../core/words.ts'
import type { AnswerStream } from './answer-stream.ts'
import type { Bounds } from './bounds.ts'
import { makeRoom, type Compaction } from './context/compact.ts'
import { sizesFor } from './context/plan.ts'
import { SUMMARY_SYSTEM } from './context/summary.ts'
import type { Conversation } from './conversation.ts'
import { textOf, viewOf } from './history/view.ts'
import type { LoopOptions } from './loop-options.ts'
import type { AnswerForm } from './model/answer-form.ts'
import { askInForm, askModel } from './model/ask.ts'
import type { ModelAnswer, ModelRequest } from './model/call.ts'
import { usageOf } from './model/usage.ts'

/** The requests that a turn makes to its model: answers, and summaries of a conversation that no longer fits the window. */
export class Requests {
  readonly #o: LoopOptions
  readonly #conversation: Conversation
  readonly #bounds: Bounds
  readonly #tools: () => readonly WireTool[]
  /** null: there is none, or the model's service has refused it. */
  #form: AnswerForm | null

  /** `tools` returns those available when a request is made. */
  constructor(options: LoopOptions, conversation: Conversation, bounds: Bounds, tools: () => readonly WireTool[]) {
    this.#o = options
    this.#conversation = conversation
    this.#bounds = bounds
    this.#tools = tools
    this.#form = options.outputForm
  }

  /** Makes the conversation fit (see `makeRoom` in context/compact.ts); resolves to whether the next request does. */
  makeRoom(): Promise<boolean> {
    return makeRoom(this.#compaction(), false)
  }

  /**
   * Asks for the next answer, and once more with a smaller conversation if the service rejects it as too large. `mending`: the
   * answer replaces one that did not match the schema. Rejects when the history cannot be written.
   */
  async answer(stream: AnswerStream, mending: boolean): Promise<ModelAnswer> {
    const answer = await this.#askInForm(stream, mending)
    if (answer.ok || answer.aborted || answer.failure.kind !== 'overflow') return answer
    if (!(await makeRoom(this.#compaction(), true))) return answer
    return this.#askInForm(stream, mending)
  }

  /** Counts and emits the usage of an answer, complete or interrupted. */
  count(message: AssistantMessage, purpose: 'answer' | 'compaction'): Usage {
    const usage = usageOf(message, this.#o.model.priced, this.#o.costOf)
    this.#bounds.meter.add(usage)
    this.#o.emit({ type: 'usage', usage, purpose })
    return usage
  }

  #askInForm(stream: AnswerStream, mending: boolean): Promise<ModelAnswer> {
    return askInForm(this.#request(mending), this.#tools(), this.#asking(stream), (why) => {
      this.#form = null
      const message = `${this.#o.model.title} does not take the schema of the answer, which the prompt says as well (${why})`
      this.#o.emit({ type: 'warning', code: 'output_schema', message })
    })
  }

  #request(mending: boolean): ModelRequest {
    const { system, effort, session } = this.#o
    const messages = viewOf(this.#conversation.entries).map(({ message }) => message)
    const form = this.#form?.when === 'every' || mending ? this.#form : null
    const tools = form?.when === 'again' ? [] : this.#tools()
    return { system, messages, tools, effort, form, session, signal: this.#bounds.signal }
  }

  #asking(stream: AnswerStream | null): Parameters<typeof askModel>[1] {
    const { model, retry, clock, emit } = this.#o
    return {
      call: model.call,
      retry,
      clock,
      emit,
      onEvent: (event) => stream?.hear(event),
      onBroken: async (partial, reason) => {
        stream?.end(partial, 'failed')
        await this.#conversation.add({ type: 'partial', message: partial, reason })
        this.count(partial, stream === null ? 'compaction' : 'answer')
      },
      spent: () => this.#bounds.meter.exceeded() !== null,
    }
  }

  #compaction(): Compaction {
    const { model, system, clock, emit } = this.#o
    return {
      entries: () => this.#conversation.entries,
      system,
      tools: this.#tools(),
      sizes: sizesFor(model.contextWindow, model.maxAnswer),
      now: () => clock.now(),
      emit,
      keep: (entry) => this.#conversation.keep(entry),
      summarise: (prompt) => this.#summary(prompt),
    }
  }

  async #summary(prompt: string): Promise<{ readonly note: string } | { readonly failure: string }> {
    const { clock, session } = this.#o
    const request: ModelRequest = {
      system: SUMMARY_SYSTEM,
      messages: [{ role: 'user', content: prompt, timestamp: clock.now() }],
      tools: [],
      effort: null,
      form: null,
      session: `${session}-summary`,
      signal: this.#bounds.signal,
    }
    const answer = await askModel(request, this.#asking(null))
    if (!answer.ok) return { failure: answer.failure.message }
    this.count(answer.message, 'compaction')
    const note = textOf(answer.message)
    return note === '' ? { failure: 'the summary is empty' } : { note }
  }
}
