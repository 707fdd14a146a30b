import type { AssistantMessage, Tool as WireTool } from '@earendil-works/pi-ai'
import type { Usage } from '../core/words.ts'
import { oneByOne } from '../core/one-by-one.ts'
import { AnswerStream } from './answer-stream.ts'
import { Bounds } from './bounds.ts'
import { DoomWatch } from './calls/doom.ts'
import { makeCalls, type Calling } from './calls/make.ts'
import { notRun } from './calls/prepare.ts'
import { Conversation, resultEntry } from './conversation.ts'
import { ended, endedBy, type Finish } from './finish.ts'
import { callsOf, textOf } from './history/view.ts'
import { unpriced } from './limits.ts'
import type { LoopOptions } from './loop-options.ts'
import { cutIn } from './model/partial-answer.ts'
import type { Tool } from './port.ts'
import { Requests } from './requests.ts'
import { Steering } from './steering.ts'
import { checkAnswer, reask } from './structured.ts'
import { toolsChanged, uniqueCalls, wireTools } from './wire.ts'

export interface LoopReport {
  readonly finish: Finish
  /** Text of the last answer that had any. */
  readonly text: string
  /** With an output schema: the value that matches it, or else the last JSON that the model gave. Otherwise null. */
  readonly output: unknown
  readonly steps: number
  readonly usage: Usage
  /** Calls that policy, a hook or a person refused, or for which there was nobody to ask. */
  readonly refused: readonly { readonly title: string; readonly reason: string }[]
}

const REASKS = 2
/** The turn ends after this many answers in a row that are empty or cut off. */
const USELESS = 3

/**
 * Works on one task until the model is done or a limit ends the turn: asks the model, makes the calls it asks for, and stores
 * everything in the history before it continues. Failures are reported as `finish`. Rejects for bugs, and when the history
 * cannot be read or written; nothing runs on then. On abort, the running tool ends first and `finish` is `cancelled`. The
 * conversation can be resumed from any prefix of its history.
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
  readonly #bounds: Bounds
  readonly #steering: Steering
  readonly #doom = new DoomWatch()
  #tools: readonly Tool[]
  #wire: readonly WireTool[]
  readonly #refused: { title: string; reason: string }[] = []
  #conversation!: Conversation
  #requests!: Requests
  #calling!: Calling
  #prefix = ''
  #text = ''
  #output: unknown = null
  #reasked = 0
  /** The next answer replaces one that did not match the schema. */
  #mending = false
  #useless = 0

  constructor(options: LoopOptions) {
    this.#o = options
    this.#bounds = new Bounds(options)
    this.#steering = new Steering(options.steer)
    this.#tools = options.tools
    this.#wire = wireTools(options.tools)
  }

  close(): void {
    this.#steering.close()
    this.#bounds.stop(new Error('the turn is over'))
  }

  async run(): Promise<LoopReport> {
    const { emit, model, limits, task, clock, history } = this.#o
    this.#conversation = await Conversation.open(history, () => clock.now(), emit)
    const { entries } = this.#conversation
    const resumed = entries.length > 0
    this.#prefix = `e${entries.length}`
    this.#requests = new Requests(this.#o, this.#conversation, this.#bounds, () => this.#wire)
    this.#calling = this.#callingFor()
    emit({ type: 'run_start', model: model.title, maxSteps: limits.maxSteps, resumed })
    this.#bounds.watchTime()
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
      const over = this.#bounds.over()
      if (over) return over
      await this.#steered(this.#steering.take())
      await this.#refreshTools()
      const finish = await this.#oneStep()
      if (finish === null) continue
      // Messages that arrived during the last answer still need an answer.
      const more = finish.reason === 'agent_done' ? this.#steering.take() : []
      if (more.length === 0) return finish
      await this.#steered(more)
    }
  }

  async #steered(texts: readonly string[]): Promise<void> {
    for (const text of texts) await this.#conversation.add({ type: 'user', source: 'steer', text })
    if (texts.length > 0) this.#mending = false // there may be something new to do, with tools
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

  /** One answer of the model and the calls it asks for; null: the turn continues. */
  async #oneStep(): Promise<Finish | null> {
    const { emit, clock } = this.#o
    if (!(await this.#requests.makeRoom())) {
      const over = this.#bounds.over()
      return over ?? ended('error', "the conversation does not fit the model's window, also not when it is summarised")
    }
    const over = this.#bounds.over() // a summary costs as well
    if (over) return over
    const step = this.#bounds.beginStep()
    emit({ type: 'step_start', step })
    const stream = new AnswerStream(`${this.#prefix}.${step}`, emit, () => clock.now())
    const answer = await this.#requests.answer(stream, this.#mending)
    if (!answer.ok) return this.#bounds.overInStep() ?? endedBy(answer.failure)
    const message = uniqueCalls(answer.message, this.#conversation.entries)
    await this.#conversation.add({ type: 'assistant', message })
    stream.end(message, 'completed')
    const usage = this.#requests.count(message, 'answer')
    const calls = callsOf({ type: 'assistant', at: '', message })
    this.#text = textOf(message) || this.#text
    this.#mending = false
    const finish = calls.length > 0 ? await this.#call(message) : await this.#answered(message)
    emit({ type: 'step_complete', step, usage, calls: calls.length })
    return finish
  }

  /** Makes the calls of an answer; null: the model continues with their results. */
  async #call(message: AssistantMessage): Promise<Finish | null> {
    const calls = callsOf({ type: 'assistant', at: '', message })
    if (message.stopReason === 'length') {
      // The last call is cut off, and there is no telling which of the others are complete.
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

  /** An answer without calls ends the turn, unless it is cut off, empty, or does not match the schema. */
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

  #callingFor(): Calling {
    const { hooks, context, asker, emit, clock } = this.#o
    const allowed = this.#conversation.entries.flatMap((entry) => (entry?.type === 'allowed' ? [entry.key] : []))
    return {
      tools: () => this.#tools,
      hooks,
      context: { ...context, signal: this.#bounds.signal },
      asker,
      doom: this.#doom,
      oneByOne: oneByOne(),
      stop: (error) => this.#bounds.stop(error),
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
      steps: this.#bounds.steps,
      usage: this.#bounds.meter.usage,
      refused: this.#refused,
    }
  }
}
