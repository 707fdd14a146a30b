import { randomId } from '../core/ids.ts'
import { fence, subjectLine } from '../core/text.ts'
import type { Access } from '../core/words.ts'
import type { Agent, Approver, JsonSchema, TurnEvent, TurnRequest } from '../agents/port.ts'
import { takeTurn, type TurnOutcome } from '../agents/turn.ts'
import type { ModelServices } from '../engine/index.ts'
import type { Session } from '../sessions/index.ts'
import { handoffText } from './handoff.ts'
import type { StepChanges } from './isolation/step-changes.ts'
import type { BegunStep } from './isolation/steps.ts'
import { reasonOf, statusOf, type Denied, type TurnResult } from './result.ts'
import { TurnMeter, type ExecLimits } from './turn-meter.ts'

/** The agent of a turn, and where and with what it works. */
export interface TurnSetup {
  readonly agent: Agent
  readonly model: string | null
  readonly effort: string | null
  readonly access: Access
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  /** Absolute, without symbolic links. */
  readonly cwd: string
  readonly spawn: TurnRequest['spawn']
  readonly approve: Approver | null
  readonly limits: ExecLimits
  /** The conversation is in the session's history, from which the agent reads it (the engine). */
  readonly ownsHistory: boolean
  /** Called before the turn. The `end` of what it returns commits and reports the turn's changes. null: that is not wanted. */
  readonly step: (() => Promise<BegunStep>) | null
  /** What the agent reports about its newest turn beyond the end event; null: it reports nothing. */
  readonly finish: (() => Finished | null) | null
  /** Model services from the configuration. */
  readonly services: ModelServices | undefined
  /** Advice after a failure with this finish reason; null: there is none. */
  readonly hint: (reason: string) => string | null
}

export interface Finished {
  readonly reason: string
  readonly message: string
  readonly steps: number
  readonly denied: readonly Denied[]
}

export interface TurnInput {
  readonly prompt: string
  readonly outputSchema: JsonSchema | null
  /** Returns the problems of an answer, one line each. */
  readonly check: ((output: unknown) => readonly string[]) | null
  readonly signal: AbortSignal
  readonly steer?: AsyncIterable<string> | null
  /** Called with every event, in order. An exception ends the turn and is rethrown. */
  readonly observe: (event: TurnEvent) => void | Promise<void>
}

/** How often an answer that breaks the schema is sent back to the agent. */
const MAX_REASKS = 2

/**
 * Takes one turn of an agent in a session that this process holds, and stores it there: prompt, items, native id, approvals,
 * end. Limits apply to the whole turn, including re-asks. Rejects only with `session_lost`, `disk_full` and bugs; the agent's
 * failures are in the result.
 */
export async function execTurn(session: Session, setup: TurnSetup, input: TurnInput): Promise<TurnResult> {
  const turn = session.meta.turns + 1
  const { agent, model, cwd } = setup
  const native = agent.capabilities.resume ? session.native(agent.provider, cwd) : null
  const told = handoffText(session, agent.provider, setup.ownsHistory || native !== null)
  const step = (await setup.step?.()) ?? null
  // Users choose session ids, so another state folder may have a session with the same id.
  const mark = `session/${session.id}/${turn}/${randomId(8)}`
  await session.change({
    turns: turn,
    lastUsedAt: new Date().toISOString(),
    provider: agent.provider,
    model,
    cwd,
    title: session.meta.title ?? subjectLine(input.prompt, 80),
  })
  const base = step === null ? {} : { base: step.base }
  await session.append(
    { type: 'turn', turn, prompt: input.prompt, agent: { provider: agent.provider, model }, cwd, mark, ...base },
    true,
  )
  const keeper = new TurnKeeper(session, setup, input, { turn, mark })
  const first = `${told ?? ''}${input.prompt}${schemaNote(agent, input.outputSchema)}`
  const outcome = await ask(keeper, first, native)
  const result = keeper.result(outcome)
  const nothing: StepChanges = { files: [], commits: [] }
  let left = nothing
  try {
    left = (await step?.end(input.prompt, agent.provider)) ?? nothing
  } finally {
    await session.append({ type: 'turn_ended', turn, ...endingOf(result), ...left }, true)
  }
  return result
}

interface Answered {
  readonly outcome: TurnOutcome
  /** Problems of the last answer; empty if it fits. */
  readonly problems: readonly string[]
}

async function ask(keeper: TurnKeeper, first: string, resume: string | null): Promise<Answered> {
  let prompt = first
  let native = resume
  for (let reasks = 0; ; reasks++) {
    const report = await keeper.take(prompt, native)
    native = report.native
    const { outcome } = report
    if (outcome.status !== 'completed' || keeper.check === null) return { outcome, problems: [] }
    const problems = keeper.check(outcome.output)
    if (problems.length === 0 || reasks === MAX_REASKS || keeper.isOver) return { outcome, problems }
    const again = [
      'Your answer did not fit the schema. Change nothing else; answer again with one JSON object that fits it. Problems:',
      fence(problems.map((problem) => `- ${problem}`).join('\n')),
    ].join('\n')
    prompt = keeper.remembers(native) ? again : `${first}\n\n${again}`
  }
}

/** One turn in progress; stores everything in the session. */
class TurnKeeper {
  readonly check: TurnInput['check']
  readonly #session: Session
  readonly #setup: TurnSetup
  readonly #input: TurnInput
  readonly #turn: number
  readonly #mark: string
  readonly #meter: TurnMeter
  #text = ''
  #isPartial = false
  readonly #denied = new Map<string, Denied>()

  constructor(
    session: Session,
    setup: TurnSetup,
    input: TurnInput,
    { turn, mark }: { readonly turn: number; readonly mark: string },
  ) {
    this.#session = session
    this.#setup = setup
    this.#input = input
    this.#turn = turn
    this.#mark = mark
    this.#meter = new TurnMeter(setup.limits, setup.model, setup.finish === null)
    this.check = input.check
  }

  get isOver(): boolean {
    return this.#meter.over !== null || this.#input.signal.aborted
  }

  /** Whether the next prompt reaches a conversation that knows the previous ones. */
  remembers(native: string | null): boolean {
    return this.#setup.ownsHistory || (this.#setup.agent.capabilities.resume && native !== null)
  }

  async take(prompt: string, native: string | null) {
    const { agent, model, effort, access, command, env, cwd, spawn, approve, limits, services } = this.#setup
    const { id } = this.#session
    const report = await takeTurn(
      agent,
      {
        role: 'implementer',
        prompt,
        outputSchema: this.#input.outputSchema,
        cwd,
        env,
        model,
        effort,
        access,
        command,
        resume: agent.capabilities.resume ? native : null,
        task: { handle: 'exec', title: subjectLine(this.#input.prompt, 72) },
        attempt: this.#turn,
        run: id,
        mark: this.#mark,
        approve,
        steer: this.#input.steer ?? null,
        standing: false,
        spawn,
        services,
      },
      { timeoutMs: this.#meter.msLeft(), stallMs: limits.stallMs },
      AbortSignal.any([this.#input.signal, this.#meter.signal]),
      (event) => this.#observe(event),
    )
    for (const one of this.#setup.finish?.()?.denied ?? []) this.#deny(one)
    return report
  }

  result({ outcome, problems }: Answered): TurnResult {
    const said = reasonOf(outcome)
    const told = this.#setup.finish?.() ?? null
    const over = outcome.status === 'completed' ? null : this.#meter.over
    const wrong = problems.length === 0 ? null : `no answer fitted the schema: ${problems.join('; ')}`
    const finishReason =
      wrong !== null
        ? 'invalid_output'
        : (over?.reason ??
          (outcome.status === 'timeout' || outcome.status === 'stall'
            ? outcome.status
            : (told?.reason ?? said.finishReason)))
    const status = statusOf(finishReason)
    const hint = over === null && wrong === null ? this.#setup.hint(finishReason) : null
    const completed = outcome.status === 'completed' ? outcome : null
    return {
      status,
      finishReason,
      text: completed?.text ?? this.#text,
      isCutOff: completed === null && this.#isPartial,
      denied: [...this.#denied.values()],
      output: status === 'done' && this.#input.outputSchema !== null ? (completed?.output ?? null) : null,
      steps: told?.steps ?? this.#meter.toolCalls + (completed === null ? 0 : 1),
      usage: this.#meter.usage,
      error:
        status === 'done'
          ? null
          : {
              code: finishReason,
              message: [
                wrong ?? over?.message ?? (outcome.status === 'failed' ? told?.message : undefined) ?? said.message,
                ...(hint === null ? [] : [hint]),
              ].join('\n'),
              retryAt: said.retryAt,
            },
    }
  }

  async #observe(event: TurnEvent): Promise<void> {
    const counted = event.type === 'usage' ? { ...event, usage: this.#meter.count(event.usage) } : event
    await this.#keep(counted)
    await this.#input.observe(counted)
  }

  async #keep(event: TurnEvent): Promise<void> {
    switch (event.type) {
      case 'item':
        if (event.item.kind === 'tool_call') this.#meter.countToolCall(event.item.id)
        if (event.item.kind === 'message') {
          this.#text = event.item.text
          this.#isPartial = event.item.status !== 'completed'
        }
        // An item that is still running comes again when it is complete.
        if (event.item.status !== 'running')
          await this.#session.append({ type: 'item', turn: this.#turn, item: event.item })
        return
      case 'session':
        this.#meter.learn(event.model)
        if (event.native === null || this.#setup.ownsHistory) return
        await this.#session.append({
          type: 'native',
          provider: this.#setup.agent.provider,
          native: event.native,
          cwd: this.#setup.cwd,
        })
        return
      case 'approval':
        if (event.state === 'asked') return
        // An agent that reports its denials includes those for which nobody was asked.
        if (event.answer?.decision === 'deny' && this.#setup.finish === null)
          this.#deny({ title: event.request.command ?? event.request.title, reason: event.answer.reason })
        await this.#session.append({ type: 'approval', turn: this.#turn, request: event.request, answer: event.answer })
        return
      case 'usage':
      case 'process':
      case 'raw':
      case 'end':
        return
    }
  }

  #deny(one: Denied): void {
    this.#denied.set(`${one.title}\0${one.reason}`, one)
  }
}

function schemaNote(agent: Agent, schema: JsonSchema | null): string {
  if (schema === null || agent.capabilities.structuredOutput) return ''
  return `\n\nEnd with an answer that is one JSON object, and nothing else, that fits this JSON Schema:\n${fence(JSON.stringify(schema), 'json')}`
}

function endingOf(result: TurnResult) {
  const { status, finishReason, text, output, steps, usage, error } = result
  return { status, finishReason, text, output, steps, usage, error: error?.message ?? null }
}
