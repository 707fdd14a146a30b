import type { AssistantMessage, ThinkingLevel, Tool as WireTool } from '@earendil-works/pi-ai'
import type { Clock } from '../core/clock.ts'
import type { Usage } from '../core/words.ts'
import type { Asker } from './calls/ask.ts'
import { oneByOne } from '../core/one-by-one.ts'
import { DoomWatch } from './calls/doom.ts'
import type { ToolHook } from './calls/hooks.ts'
import { makeCalls, type Calling } from './calls/make.ts'
import { notRun } from './calls/prepare.ts'
import { makeRoom, type Compaction } from './context/compact.ts'
import { sizesFor } from './context/plan.ts'
import { SUMMARY_SYSTEM } from './context/summary.ts'
import { Conversation, resultEntry } from './conversation.ts'
import type { Emit } from './events.ts'
import { ended, endedBy, type Finish } from './finish.ts'
import { callsOf, textOf, viewOf } from './history/view.ts'
import { Meter, unpriced, type Limits } from './limits.ts'
import type { AnswerForm } from './model/answer-form.ts'
import { askInForm, askModel } from './model/ask.ts'
import type { CallModel, ModelAnswer, ModelRequest } from './model/call.ts'
import { cutIn } from './model/partial-answer.ts'
import type { RetryPolicy } from './model/retry.ts'
import { usageOf, type CostOf } from './model/usage.ts'
import type { History, Tool, ToolContext } from './port.ts'
import { AnswerStream } from './answer-stream.ts'
import { Steering } from './steering.ts'
import { checkAnswer, reask, type OutputCheck } from './structured.ts'
import { toolsChanged, uniqueCalls, wireTools } from './wire.ts'

/** The model of a turn, as the loop needs it. */
export interface LoopModel {
  /** `PROVIDER/NAME`. */
  readonly title: string
  readonly call: CallModel
  readonly contextWindow: number
  /** Tokens that one answer may have. */
  readonly maxAnswer: number
  readonly priced: boolean
}

export interface LoopOptions {
  readonly model: LoopModel
  readonly effort: ThinkingLevel | null
  readonly system: string
  /** What this turn is about, in the user's words. */
  readonly task: string
  /** Checks the JSON of the final answer; null: free text is wanted. */
  readonly outputCheck: OutputCheck | null
  /** How the model's service is told of it; null: the prompt alone says it. */
  readonly outputForm: AnswerForm | null
  readonly history: History
  /** Id of the conversation. */
  readonly session: string
  readonly tools: readonly Tool[]
  /** Before each step: the tools that are there from now on, and what went wrong; null: the same as before. Never rejects. */
  readonly refreshTools?: () => Promise<{
    readonly tools: readonly Tool[]
    readonly problems: readonly string[]
  } | null>
  readonly hooks: readonly ToolHook[]
  /** Everything a tool may use; its `signal` is replaced by the turn's own. */
  readonly context: ToolContext
  readonly asker: Asker | null
  readonly steer: AsyncIterable<string> | null
  readonly limits: Limits
  readonly retry: RetryPolicy
  readonly costOf: CostOf
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: Emit
}

export interface LoopReport {
  readonly finish: Finish
  /** Text of the last answer. */
  readonly text: string
  /** With an output schema: what fitted it (or, when nothing did, the last JSON there was); null otherwise. */
  readonly output: unknown
  readonly steps: number
  readonly usage: Usage
  /** Calls that policy, a hook or a person refused. */
  readonly refused: readonly { readonly title: string; readonly reason: string }[]
}

const REASKS = 2
/** Answers in a row that say nothing or are cut off, before the turn ends. */
const USELESS = 3

/**
 * Works on one task until the model is done or a limit ends it: asks the model, makes the calls it asks for, keeps everything in
 * the history before it goes on. What goes wrong is the report's `finish`. Rejects when the history cannot be read or written
 * (nothing runs on then), and for bugs. Abort ends it `cancelled` after the tool at work has ended; the conversation can be taken
 * up again from any prefix of its history.
 */
export async function runLoop(options: LoopOptions): Promise<LoopReport> {
  const turn = new Turn(options)
  try {
    return await turn.run()
  } finally {
    turn.close()
  }
}

class Turn {
  readonly #o: LoopOptions
  readonly #meter: Meter
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #steering: Steering
  readonly #doom = new DoomWatch()
  #tools: readonly Tool[]
  #wire: readonly WireTool[]
  readonly #refused: { title: string; reason: string }[] = []
  readonly #started: number
  #conversation!: Conversation
  #calling!: Calling
  #step = 0
  #prefix = ''
  #text = ''
  #output: unknown = null
  #reasked = 0
  /** The answer that comes next is one that did not fit, mended. */
  #mending = false
  #form: AnswerForm | null
  #useless = 0
  #timedOut = false

  constructor(options: LoopOptions) {
    this.#o = options
    this.#meter = new Meter(options.limits)
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal])
    this.#steering = new Steering(options.steer)
    this.#tools = options.tools
    this.#wire = wireTools(options.tools)
    this.#form = options.outputForm
    this.#started = options.clock.now()
  }

  close(): void {
    this.#steering.close()
    this.#stop.abort(new Error('the turn is over'))
  }

  async run(): Promise<LoopReport> {
    const { emit, model, limits, task, clock, history } = this.#o
    this.#conversation = await Conversation.open(history, () => clock.now(), emit)
    const { entries } = this.#conversation
    const resumed = entries.length > 0
    this.#prefix = `e${entries.length}`
    this.#calling = this.#callingFor()
    emit({ type: 'run_start', model: model.title, maxSteps: limits.maxSteps, resumed })
    this.#watchTime()
    await this.#conversation.add({ type: 'user', source: 'task', text: task })
    const unkept = unpriced(model, limits, this.#o.costOf)
    const finish = unkept === null ? await this.#work() : ended('setup_error', unkept)
    await this.#conversation.add({ type: 'finish', reason: finish.reason, message: finish.message })
    const report = this.#report(finish)
    emit({ type: 'run_complete', finish, steps: report.steps, usage: report.usage })
    return report
  }

  async #work(): Promise<Finish> {
    for (;;) {
      const over = this.#over()
      if (over) return over
      await this.#steered(this.#steering.take())
      await this.#refreshTools()
      const finish = await this.#oneStep()
      if (finish === null) continue
      // What was said while the last answer came still wants one.
      const more = finish.reason === 'agent_done' ? this.#steering.take() : []
      if (more.length === 0) return finish
      await this.#steered(more)
    }
  }

  async #steered(texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.#conversation.add({ type: 'user', source: 'steer', text })
    if (texts.length > 0) this.#mending = false // there may be something to do again
  }

  async #refreshTools(): Promise<void> {
    const fresh = await this.#o.refreshTools?.()
    if (!fresh) return
    for (const message of fresh.problems) this.#o.emit({ type: 'warning', code: 'tools', message })
    const said = toolsChanged(this.#tools, fresh.tools)
    this.#tools = fresh.tools
    this.#wire = wireTools(fresh.tools)
    if (said !== null) await this.#conversation.add({ type: 'user', source: 'engine', text: said })
  }

  /** Why the turn may not go on, or null. Looked at before every model call. */
  #over(): Finish | null {
    if (this.#timedOut) return ended('timeout', `the turn's time (${this.#o.limits.timeoutMs} ms) is used up`)
    if (this.#signal.aborted) return ended('cancelled', 'the turn was interrupted')
    const spent = this.#meter.exceeded()
    if (spent) return ended(spent.reason, spent.message)
    const { maxSteps } = this.#o.limits
    return this.#step >= maxSteps
      ? ended('max_steps', `the limit of ${maxSteps} ${maxSteps === 1 ? 'step' : 'steps'} was reached`)
      : null
  }

  async #oneStep(): Promise<Finish | null> {
    const { emit, clock } = this.#o
    if (!(await makeRoom(this.#compaction(), false))) {
      const over = this.#over()
      return over ?? ended('error', "the conversation does not fit the model's window, also not when it is summarised")
    }
    const over = this.#over() // a summary costs as well
    if (over) return over
    this.#step += 1
    emit({ type: 'step_start', step: this.#step })
    const stream = new AnswerStream(`${this.#prefix}.${this.#step}`, emit, () => clock.now())
    const answer = await this.#ask(stream)
    if (!answer.ok) return this.#failed(answer)
    const message = uniqueCalls(answer.message, this.#conversation.entries)
    await this.#conversation.add({ type: 'assistant', message })
    stream.end(message, 'completed')
    const usage = this.#use(message, 'answer')
    const calls = callsOf({ type: 'assistant', at: '', message })
    this.#text = textOf(message) || this.#text
    this.#mending = false
    const finish = calls.length > 0 ? await this.#call(message) : await this.#answered(message)
    emit({ type: 'step_complete', step: this.#step, usage, calls: calls.length })
    return finish
  }

  async #ask(stream: AnswerStream): Promise<ModelAnswer> {
    const answer = await this.#askInForm(stream)
    if (answer.ok || answer.aborted || answer.failure.kind !== 'overflow') return answer
    if (!(await makeRoom(this.#compaction(), true))) return answer
    return this.#askInForm(stream)
  }

  #askInForm(stream: AnswerStream): Promise<ModelAnswer> {
    return askInForm(this.#request(), this.#wire, this.#asking(stream), (why) => {
      this.#form = null
      const message = `${this.#o.model.title} does not take the schema of the answer, which the prompt says as well (${why})`
      this.#o.emit({ type: 'warning', code: 'output_schema', message })
    })
  }

  #request(): ModelRequest {
    const { system, effort, session } = this.#o
    const messages = viewOf(this.#conversation.entries).map(({ message }) => message)
    const form = this.#form?.when === 'every' || this.#mending ? this.#form : null
    const tools = form?.when === 'again' ? [] : this.#wire
    return { system, messages, tools, effort, form, session, signal: this.#signal }
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
        this.#use(partial, stream === null ? 'compaction' : 'answer')
      },
      spent: () => this.#meter.exceeded() !== null,
    }
  }

  /** Makes the calls of an answer; null: the model goes on with their results. */
  async #call(message: AssistantMessage): Promise<Finish | null> {
    const calls = callsOf({ type: 'assistant', at: '', message })
    if (message.stopReason === 'length') {
      // The last call is cut off, and which of them are whole cannot be told.
      const { told, counted } = cutIn(message)
      for (const call of calls) await this.#calling.keep(call, notRun(told), true)
      return this.#nothingCameOf(counted)
    }
    this.#useless = 0
    const end = await makeCalls(calls, this.#calling)
    if (end === 'doom') return ended('doom_loop', 'the model went on repeating the same calls after it was told')
    const warning = this.#doom.warning()
    if (warning !== null) {
      await this.#conversation.add({ type: 'user', source: 'engine', text: warning })
      this.#o.emit({ type: 'warning', code: 'doom_loop', message: warning })
    }
    return null
  }

  /** An answer without calls: the end, unless it is cut off, empty, or does not fit the schema. */
  async #answered(message: AssistantMessage): Promise<Finish | null> {
    const text = textOf(message)
    if (message.stopReason === 'length' || text === '') {
      const cut = message.stopReason === 'length'
      const said = cut
        ? 'Your answer was cut off at its length limit. Go on, more briefly.'
        : 'Your answer was empty. Go on, or say what you did.'
      await this.#conversation.add({ type: 'user', source: 'engine', text: said })
      return this.#nothingCameOf(cut ? 'answers are cut off at their length limit' : 'answers are empty')
    }
    this.#useless = 0
    const { outputCheck } = this.#o
    if (outputCheck === null) return ended('agent_done', 'the agent is done')
    const checked = checkAnswer(text, outputCheck)
    this.#output = checked.output
    if (checked.ok) return ended('agent_done', 'the agent is done')
    if (this.#reasked >= REASKS) return ended('invalid_output', checked.problem)
    this.#reasked += 1
    this.#mending = true
    await this.#conversation.add({ type: 'user', source: 'engine', text: reask(checked.problem) })
    return null
  }

  #nothingCameOf(what: string): Finish | null {
    this.#useless += 1
    return this.#useless >= USELESS ? ended('error', `the model's ${what}`) : null
  }

  #failed(answer: Extract<ModelAnswer, { ok: false }>): Finish {
    const over = this.#over()
    if (over && over.reason !== 'max_steps') return over
    return endedBy(answer.failure)
  }

  #use(message: AssistantMessage, purpose: 'answer' | 'compaction'): Usage {
    const usage = usageOf(message, this.#o.model.priced, this.#o.costOf)
    this.#meter.add(usage)
    this.#o.emit({ type: 'usage', usage, purpose })
    return usage
  }

  #watchTime(): void {
    const { timeoutMs } = this.#o.limits
    if (timeoutMs === null) return
    const expire = (): void => {
      this.#timedOut = true
      this.#stop.abort(new Error('the time is used up'))
    }
    // Rejects when the turn ended before.
    void this.#o.clock.sleepUntil(this.#started + timeoutMs, this.#signal).then(expire, () => {})
  }

  #compaction(): Compaction {
    const { model, system, clock, emit, session } = this.#o
    return {
      entries: () => this.#conversation.entries,
      system,
      tools: this.#wire,
      sizes: sizesFor(model.contextWindow, model.maxAnswer),
      now: () => clock.now(),
      emit,
      keep: (entry) => this.#conversation.keep(entry),
      summarise: async (prompt) => {
        const request: ModelRequest = {
          system: SUMMARY_SYSTEM,
          messages: [{ role: 'user', content: prompt, timestamp: clock.now() }],
          tools: [],
          effort: null,
          form: null,
          session: `${session}-summary`,
          signal: this.#signal,
        }
        const answer = await askModel(request, this.#asking(null))
        if (!answer.ok) return { failure: answer.failure.message }
        this.#use(answer.message, 'compaction')
        const note = textOf(answer.message)
        return note === '' ? { failure: 'the summary is empty' } : { note }
      },
    }
  }

  #callingFor(): Calling {
    const { hooks, context, asker, emit, clock } = this.#o
    const allowed = this.#conversation.entries.flatMap((entry) => (entry?.type === 'allowed' ? [entry.key] : []))
    return {
      tools: () => this.#tools,
      hooks,
      context: { ...context, signal: this.#signal },
      asker,
      doom: this.#doom,
      oneByOne: oneByOne(),
      stop: (error) => this.#stop.abort(error),
      allowed: new Set(allowed),
      emit,
      now: () => clock.now(),
      keep: (call, result, skipped) => this.#conversation.add(resultEntry(call, result, skipped)),
      keepAllowed: (key) => this.#conversation.add({ type: 'allowed', key }),
      refused: (title, reason) => this.#refused.push({ title, reason }),
    }
  }

  #report(finish: Finish): LoopReport {
    return {
      finish,
      text: this.#text,
      output: this.#output,
      steps: this.#step,
      usage: this.#meter.usage,
      refused: this.#refused,
    }
  }
}
