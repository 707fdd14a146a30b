import { BelayError, messageOf } from '../core/errors.ts'
import type { Reason, TaskStatus } from '../core/words.ts'
import {
  appendEvents,
  assertEpoch,
  assertLease,
  cancelCheckpoints,
  changeTask,
  endAttempt,
  findTask,
  insertArtifacts,
  leaseLost,
  openCheckpoint,
  queueDeliveries,
  raiseEpoch,
  type Lease,
  type NewCheckpoint,
  type NewDelivery,
  type NewEvent,
  type RecordStore,
  type TaskRow,
} from '../record/index.ts'
import { isEnd, type PhaseContext, type PhaseResult, type Program, type Target } from './program.ts'

/** A phase in which the process died more often than this, without a completed step in between, is itself suspected. */
export const MAX_CRASHES = 100

/** The longest delay that Node's timers support (about 24 days); with a longer one, a timer fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647

/** What the kernel needs to know about a task's run. */
export interface RunScope {
  readonly record: RecordStore
  readonly project: string
  readonly run: string
  /** The run's lease. Without it, no task of the run is written. */
  readonly lease: Lease
  /** Effects to queue with every transition, in addition to those of the phase itself. */
  readonly deliveries?: (change: TaskTransition) => readonly NewDelivery[]
  /** Called after effects were queued during a phase. */
  readonly queued?: () => void
}

/** A task's step as it is stored. */
export interface TaskTransition {
  /** The task before the step. */
  readonly task: TaskRow
  readonly epoch: number
  /** The phase that ran. */
  readonly phase: string
  /** Status after the step. */
  readonly status: TaskStatus
  readonly reason: Reason | null
  readonly checkpoint: ({ readonly id: string } & NewCheckpoint) | null
}

/** The right to advance a task. It ends when another holder raises the task's epoch. */
export interface Claim {
  readonly scope: RunScope
  readonly handle: string
  readonly epoch: number
}

/**
 * Claims a task: raises its epoch, so that an earlier holder can no longer write, and marks it running. A task that was already
 * running counts one crash, because its holder died during a phase. Throws `lease_lost` without the run's lease, and for a task
 * that has ended.
 */
export async function claimTask<S>(scope: RunScope, program: Program<S>, handle: string): Promise<Claim> {
  const { record, run } = scope
  const epoch = await record.write(async (tx) => {
    await assertLease(tx, scope.lease)
    const task = await findTask(tx, run, handle)
    if (!task) throw new Error(`no task ${run}/${handle}`)
    // The user cancelled the task between its being chosen and being claimed.
    if (isEnd(task.status)) throw leaseLost(`task ${run}/${handle}`)
    const now = record.now()
    const crashed = task.status === 'running'
    const raised = await raiseEpoch(tx, run, handle)
    // The holder that asked questions during a phase has died there.
    if (crashed) await cancelCheckpoints(tx, run, handle, now)
    await changeTask(tx, run, handle, now, {
      status: 'running',
      phase: task.phase ?? program.entry,
      crashes: task.crashes + (crashed ? 1 : 0),
      reason: null,
      wakeAt: null,
      phaseStartedAt: now,
    })
    const type = task.phase === null ? 'task.started' : 'task.resumed'
    await appendEvents(tx, now, [
      owned(scope, handle, { type, data: { phase: task.phase ?? program.entry, epoch: raised, crashed } }),
    ])
    return raised
  })
  return { scope, handle, epoch }
}

/** The result of one `advance`. */
export interface Step {
  readonly phase: string
  readonly outcome: string
  readonly status: TaskStatus
}

/**
 * Advances a claimed task by one phase: runs it, then stores its transition, artifacts, counters, checkpoint, deliveries and
 * events in one transaction, and only if the epoch still holds. If the phase throws, nothing is stored and the task stays in
 * that phase. Throws `lease_lost` when the task was taken over, and rethrows what the phase threw. A phase that exceeds its
 * deadline is aborted; its failure is then thrown as `phase_deadline`.
 */
export async function advance<S>(claim: Claim, program: Program<S>, services: S, signal: AbortSignal): Promise<Step> {
  const { scope, handle, epoch } = claim
  const { record, run } = scope
  const task = await findTask(record.read, run, handle)
  if (task === null || task.phase === null) throw new Error(`task ${run}/${handle} was not claimed`)
  await assertEpoch(record.read, run, handle, epoch)
  const phase = program.phases.get(task.phase)
  if (!phase) throw unknownPhase(program, task.phase)
  if (task.crashes > MAX_CRASHES) {
    return store(claim, task, { end: 'blocked' }, crashLoop(task))
  }

  const deadline = AbortSignal.timeout(Math.min(phase.deadlineMs(services), LONGEST_TIMER_MS))
  const context: PhaseContext<S> = {
    task,
    services,
    signal: AbortSignal.any([signal, deadline]),
    emit: (events) => emit(claim, events),
    ask: (question) => ask(claim, task, question),
  }
  const result = await phase.run(context).catch((error: unknown) => {
    if (deadline.aborted && !signal.aborted) throw late(task.phase ?? '', error)
    throw error
  })
  const target = Object.hasOwn(phase.on, result.outcome) ? phase.on[result.outcome] : undefined
  if (target === undefined) {
    throw new Error(`phase "${task.phase}" came to "${result.outcome}", which program "${program.name}" does not know`)
  }
  return store(claim, task, target, result)
}

async function emit(claim: Claim, events: readonly NewEvent[]): Promise<void> {
  const { scope, handle, epoch } = claim
  await scope.record.write(async (tx) => {
    await assertEpoch(tx, scope.run, handle, epoch)
    await appendEvents(
      tx,
      scope.record.now(),
      events.map((event) => owned(scope, handle, event)),
    )
  })
}

async function ask(claim: Claim, task: TaskRow, question: NewCheckpoint): Promise<string> {
  const { scope, handle, epoch } = claim
  const { record, run } = scope
  const id = await record.write(async (tx) => {
    await assertEpoch(tx, run, handle, epoch)
    const now = record.now()
    const checkpoint = { id: await openCheckpoint(tx, run, handle, now, question), ...question }
    const phase = task.phase ?? ''
    const change: TaskTransition = { task, epoch, phase, status: 'waiting', reason: null, checkpoint }
    await queueDeliveries(tx, run, now, scope.deliveries?.(change) ?? [])
    await appendEvents(tx, now, [owned(scope, handle, { type: 'checkpoint.opened', data: checkpoint })])
    return checkpoint.id
  })
  scope.queued?.()
  return id
}

async function store(claim: Claim, task: TaskRow, target: Target, result: PhaseResult): Promise<Step> {
  const { scope, handle, epoch } = claim
  const { record, run } = scope
  const from = task.phase ?? ''
  const status: TaskStatus = 'to' in target ? 'running' : 'end' in target ? target.end : target.pause
  const next = 'to' in target ? target.to : 'end' in target ? from : target.at
  await record.write(async (tx) => {
    await assertLease(tx, scope.lease)
    await assertEpoch(tx, run, handle, epoch)
    const now = record.now()
    const attempt = result.change?.attempt ?? task.attempt
    await insertArtifacts(tx, { run, task: handle, phase: from, attempt }, now, result.artifacts ?? [])
    if (result.attemptOutcome !== undefined)
      await endAttempt(tx, run, handle, attempt, now, result.attemptOutcome, result.attemptSession)
    if (isEnd(status)) await cancelCheckpoints(tx, run, handle, now)
    const asked = result.checkpoint === undefined ? null : await openCheckpoint(tx, run, handle, now, result.checkpoint)
    await changeTask(tx, run, handle, now, {
      ...result.change,
      ...(result.state === undefined ? {} : { state: result.state }),
      status,
      phase: next,
      crashes: 0,
      reason: status === 'running' || status === 'queued' ? null : (result.reason ?? null),
      phaseStartedAt: now,
    })
    const checkpoint = asked === null || result.checkpoint === undefined ? null : { id: asked, ...result.checkpoint }
    const change: TaskTransition = { task, epoch, phase: from, status, reason: result.reason ?? null, checkpoint }
    await queueDeliveries(tx, run, now, [...(result.deliveries ?? []), ...(scope.deliveries?.(change) ?? [])])
    await appendEvents(
      tx,
      now,
      [
        ...(result.events ?? []),
        ...(checkpoint === null ? [] : [{ type: 'checkpoint.opened', data: checkpoint }]),
        transition(task, from, next, status, result, record.clock.now()),
      ].map((event) => owned(scope, handle, event)),
    )
  })
  return { phase: from, outcome: result.outcome, status }
}

function transition(
  task: TaskRow,
  from: string,
  next: string,
  status: TaskStatus,
  result: PhaseResult,
  now: number,
): NewEvent {
  const started = task.phaseStartedAt === null ? now : Date.parse(task.phaseStartedAt)
  return {
    type: status === 'running' || status === 'queued' ? 'task.phase' : `task.${status}`,
    data: {
      phase: from,
      outcome: result.outcome,
      next,
      status,
      reason: result.reason ?? null,
      duration_ms: Math.max(0, now - started),
    },
  }
}

function owned(scope: RunScope, handle: string, event: NewEvent): NewEvent {
  return { ...event, project: scope.project, run: scope.run, task: handle }
}

function crashLoop(task: TaskRow): PhaseResult {
  const message = `Belay died ${task.crashes} times in phase ${task.phase} of this task; it does not go on by itself`
  return { outcome: 'crash_loop', reason: { code: 'crash_loop', message } }
}

function unknownPhase<S>(program: Program<S>, phase: string): BelayError {
  return new BelayError('unknown_phase', `program "${program.name}" has no phase "${phase}"`, {
    exit: 1,
    expected: [...program.phases.keys()].join(', '),
    received: phase,
    next: 'belay retry TASK --from PHASE',
  })
}

function late(phase: string, cause: unknown): BelayError {
  return new BelayError('phase_deadline', `phase "${phase}" did not end in time: ${messageOf(cause)}`, {
    exit: 1,
    cause,
  })
}
