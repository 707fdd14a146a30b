import { BelayError } from '../../core/errors.ts'
import { taskBranch } from '../../git/refs.ts'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { appendEvents, assertEpoch, beginAttempt } from '../../record/index.ts'
import { fits, implementAnswer, type ImplementAnswer } from '../answers.ts'
import { nameOf, withEnv } from '../shared/role.ts'
import { ask, type Asked } from '../shared/ask.ts'
import { BudgetExceeded } from '../shared/budget.ts'
import { afterBudget } from '../shared/faults.ts'
import { afterFailure, waitForQuota } from './faults.ts'
import { implementPrompt } from './prompts.ts'
import type { DirectServices } from './services.ts'
import { openFindings, stateOf, withState, type DirectState, type Setback } from './state.ts'
import type { WorkTurn } from './workspaces.ts'

const MINUTE_MS = 60_000

type Context = PhaseContext<DirectServices>

/** The implementer works on the task. Its change is kept as a snapshot, whatever its answer says. */
export const implement: Phase<DirectServices> = {
  does: 'one turn of the implementer in the workspace of the task; its change is kept as a tree',
  // The turn has its own limit; this one leaves room for re-asks and for the git work around the turn.
  deadlineMs: ({ roles }) => 3 * roles.implementer.timeoutMs + 60 * MINUTE_MS,
  run: (context) => attemptOnce(context).catch(afterBudget),
  on: {
    changed: { to: 'verify' },
    unchanged: { pause: 'waiting', at: 'decide' },
    again: { to: 'implement' },
    blocked: { end: 'blocked' },
    exhausted: { end: 'blocked' },
    failed: { end: 'blocked' },
    quota: { pause: 'suspended', at: 'implement' },
    fault: { pause: 'suspended', at: 'implement' },
    budget: { pause: 'suspended', at: 'implement' },
    stopped: { to: 'implement' },
  },
}

async function attemptOnce(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const before = stateOf(task)
  const limit = services.settings.maxIterations + task.extraAttempts
  if (before.stuck !== null)
    return { outcome: 'exhausted', reason: before.stuck, state: withState(before, { stuck: null }) }
  if (task.attempt >= limit) return exhausted(before, limit)
  const over = services.budget.exceeded()
  if (over !== null) return { outcome: 'budget', reason: over }
  const held = await waitForQuota(context, 'implementer')
  if (held !== null) return held
  const attempt = task.attempt + 1
  const state = await onBase(context, before)
  const turn = await services.workspaces.beginTurn(context, state)
  const asked = await askImplementer(context, state, attempt, turn)
  if (asked.kind === 'failure' || asked.kind === 'budget') return afterCutOff(context, state, attempt, turn, asked)
  const kept = await turn.keep()
  const answer = asked.kind === 'answer' ? asked.answer : null
  const next: DirectState = {
    ...state,
    session: asked.session,
    snapshot: kept.snapshot,
    answer,
    setback: null,
    cutOff: false,
    candidate: null,
    emptyAccepted: false,
    personApproved: false,
    faults: 0,
    faultingSince: null,
    tried: [
      ...state.tried,
      `attempt ${attempt}: ${answer === null ? 'no valid answer' : oneLine(answer.summary)}`,
    ].slice(-20),
    agents: {
      ...state.agents,
      implementer: nameOf(asked.kind === 'answer' ? asked.by : services.roles.implementer),
    },
  }
  const change = { attempt, branch: taskBranch(services.run.id, task.handle) }
  const common = {
    change,
    attemptSession: asked.session,
    events: kept.notes.map((note) => ({ type: 'attempt.note', data: { attempt, note } })),
  }
  if (kept.tampered.length > 0) {
    return {
      ...again(next, { kind: 'tampered', what: kept.tampered }, 'tampered'),
      ...common,
      events: [...common.events, tamperedEvent(attempt, kept.tampered)],
    }
  }
  if (kept.blocked !== null)
    return {
      outcome: 'blocked',
      reason: kept.blocked,
      state: withState(next, {}),
      attemptOutcome: kept.blocked.code,
      ...common,
    }
  if (asked.kind === 'invalid' || answer === null) {
    const problems = asked.kind === 'invalid' ? asked.problems : []
    return { ...again(next, { kind: 'invalid_answer', problems }, 'invalid_answer'), ...common }
  }
  const artifact = { kind: 'implementation', data: { answer, session: asked.session, snapshot: kept.snapshot } }
  return { ...judgeAnswer(context, next, answer, kept.empty), ...common, artifacts: [artifact] }
}

/** Gives a task without a base (after `belay retry`) the newest result as its base. */
async function onBase(context: Context, state: DirectState): Promise<DirectState> {
  if (state.base !== null) return state
  const base = await context.services.landing.tip()
  await context.services.workspaces.makeWork(context, base)
  return { ...state, base }
}

type Failed = Extract<Asked<ImplementAnswer>, { kind: 'failure' }>
type OutOfBudget = { readonly kind: 'budget'; readonly error: BudgetExceeded }

/**
 * One turn of the implementer. When it settles, none of its processes run any more. If it throws, the agent's changes outside
 * its workspace have been undone.
 */
async function askImplementer(
  context: Context,
  state: DirectState,
  attempt: number,
  turn: WorkTurn,
): Promise<Asked<ImplementAnswer> | OutOfBudget> {
  const { task, services } = context
  try {
    await begin(context, attempt)
    return await ask(
      context,
      {
        role: 'implementer',
        setup: withEnv(services.roles.implementer, turn.env),
        prompt: implementPrompt(task, attempt, (await services.sourceOf(task)).implementPrompt(task.handle), state),
        cwd: turn.workspace.path,
        attempt,
        session: turn.sameFiles ? state.session : null,
      },
      fits(implementAnswer),
      // oxlint-disable-next-line typescript/no-misused-promises -- finally waits for it
    ).finally(() => turn.endProcesses())
  } catch (error) {
    if (error instanceof BudgetExceeded) return { kind: 'budget', error }
    await turn.undoTampering()
    throw error
  }
}

/**
 * The result for a turn that was cut off. If the same conversation can continue later, the work so far is kept with it;
 * otherwise the files go back to where the turn began.
 */
async function afterCutOff(
  context: Context,
  state: DirectState,
  attempt: number,
  turn: WorkTurn,
  asked: Failed | OutOfBudget,
): Promise<PhaseResult> {
  const stopped = asked.kind === 'failure' && asked.failure.status === 'interrupted' && isStop(context.signal)
  const session =
    asked.kind === 'budget' ? asked.error.session : stopped || isToGoOn(asked.failure) ? asked.session : null
  const kept = session === null || (context.signal.aborted && !stopped) ? null : await turn.keep()
  const tampered = kept?.tampered ?? (await turn.undoTampering()).tampered
  const goesOn = kept !== null && kept.blocked === null
  const next = goesOn ? { ...state, session, snapshot: kept.snapshot, cutOff: true } : state
  const result: PhaseResult =
    asked.kind === 'budget'
      ? { outcome: 'budget', reason: asked.error.reason, state: withState(next, {}) }
      : stopped
        ? { outcome: 'stopped', state: withState(next, {}) }
        : afterFailure(context, next, asked.failure)
  return { ...result, events: tampered.length === 0 ? [] : [tamperedEvent(attempt, tampered)] }
}

/** Whether Belay itself is being stopped in an orderly way, as opposed to the task being taken away or the phase's deadline. */
function isStop(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason
  const late = reason instanceof DOMException && reason.name === 'TimeoutError'
  return signal.aborted && !late && !(reason instanceof BelayError)
}

/** Whether the conversation is still usable after this failure. */
function isToGoOn(failure: Failed['failure']): boolean {
  return failure.status === 'failed' && ['quota', 'rate_limit', 'provider'].includes(failure.error.code)
}

function judgeAnswer(context: Context, state: DirectState, answer: ImplementAnswer, empty: boolean): PhaseResult {
  const { task, services } = context
  if (answer.taskHandle !== task.handle) {
    state = {
      ...state,
      tried: [...state.tried, `the answer named task ${oneLine(answer.taskHandle)} instead of ${task.handle}`],
    }
  }
  if (answer.status === 'blocked') {
    const message = [answer.summary, ...answer.unresolvedItems].filter((text) => text.trim() !== '').join('; ')
    return {
      outcome: 'blocked',
      reason: { code: 'agent_blocked', message: `the implementer says it is blocked: ${oneLine(message)}` },
      state: withState(state, {}),
      attemptOutcome: 'blocked',
    }
  }
  if (answer.status === 'partial') return again(state, { kind: 'partial', items: answer.unresolvedItems }, 'partial')
  if (!empty) return { outcome: 'changed', state: withState(state, {}), attemptOutcome: 'changed' }
  if (services.settings.allowEmpty.includes(task.handle) && !answer.needsHumanAttention) {
    return { outcome: 'changed', state: withState(state, { emptyAccepted: true }), attemptOutcome: 'unchanged' }
  }
  return {
    outcome: 'unchanged',
    reason: { code: 'no_change', message: 'the implementer says it is done, but nothing changed' },
    state: withState(state, {}),
    attemptOutcome: 'unchanged',
    checkpoint: {
      kind: 'no_change',
      question: `Task ${task.handle} ended without any change. Accept it as done, retry it, or block it?`,
      options: ['accept', 'retry', 'block'],
      context: { summary: answer.summary, notes: answer.notes },
    },
  }
}

function again(state: DirectState, setback: Setback, attemptOutcome: string): PhaseResult {
  return { outcome: 'again', state: withState(state, { setback }), attemptOutcome }
}

function exhausted(state: DirectState, limit: number): PhaseResult {
  const open = openFindings(state).map((finding) => finding.issue)
  const parts = [
    `not done after ${limit} ${limit === 1 ? 'attempt' : 'attempts'}`,
    lastSetback(state),
    ...(open.length > 0 ? [`open findings: ${open.join('; ')}`] : []),
  ]
  return {
    outcome: 'exhausted',
    reason: { code: 'attempts_exhausted', message: parts.filter((part) => part !== '').join('; ') },
    state: withState(state, {}),
  }
}

function lastSetback({ setback }: DirectState): string {
  switch (setback?.kind) {
    case 'gates':
      return `last failing: ${setback.gates.map((gate) => `${gate.name} (${gate.why})`).join(', ')}`
    case 'tampered':
      return `the last one changed what is not its own: ${setback.what.join('; ')}`
    case 'invalid_answer':
      return `the last answer did not fit the schema: ${setback.problems.join('; ')}`
    case 'partial':
      return `the last one left: ${setback.items.join('; ')}`
    case 'conflict':
      return `conflicts with other tasks in ${setback.paths.join(', ')}`
    case 'review':
    case 'person':
    case undefined:
      return ''
  }
}

/** Stores the attempt's row before the agent starts, so that a crash leaves a trace of the attempt. */
async function begin(context: Context, attempt: number): Promise<void> {
  const { services, task } = context
  const { record, run } = services
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    await beginAttempt(tx, run.id, task.handle, attempt, record.now())
    await appendEvents(tx, record.now(), [
      { type: 'attempt.started', project: services.project, run: run.id, task: task.handle, data: { attempt } },
    ])
  })
}

function tamperedEvent(attempt: number, what: readonly string[]): { type: string; data: Record<string, unknown> } {
  return { type: 'attempt.tampered', data: { attempt, undone: what } }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 500)
}
