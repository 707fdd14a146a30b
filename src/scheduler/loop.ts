import { BelayError, knownFailure } from '../core/errors.ts'
import { advance, claimTask, isEnd, type Claim, type Program, type RunScope, type Step } from '../kernel/index.ts'
import { TIMER } from '../programs/workflow/reasons.ts'
import { QUOTA_REASONS } from '../programs/shared/faults.ts'
import { appendEvents, assertLease, changeTask, listTasks, type Lease, type TaskRow } from '../record/index.ts'
import { pick, type Pick } from './pick.ts'

export interface LoopOptions<S> {
  readonly scope: RunScope
  readonly program: Program<S>
  readonly services: S
  readonly until: string | null
  readonly keepGoing: boolean
  readonly concurrency: number
  /** Return instead of waiting for an agent's quota or a timer. */
  readonly noWait: boolean
  /** All leases that this process holds for the run; losing one stops the loop. */
  readonly leases: readonly Lease[]
  /** Aborts when a lease is lost or can no longer be renewed; the loop throws its reason. */
  readonly lost: AbortSignal
  /** Aborts everything (interrupt). */
  readonly signal: AbortSignal
  /** Order in which tasks start when several could: lowest first, then source order (see PickTask). */
  readonly rank?: (task: TaskRow) => number
  /** Called after a task is claimed and before its phase runs: sets up fences and ends leftovers outside the record. */
  claimed(claim: Claim): Promise<void>
  /** Called after every step. */
  stepped(handle: string, step: Step): Promise<void>
  /**
   * Called when a task was taken away (cancelled, or restarted by its user) and nothing of it runs in this process any more.
   */
  taken(handle: string): Promise<void>
}

/** Interval at which changes by other processes are looked for, in ms. */
const TICK_MS = 1000
/** Limit on consecutive steps of one task; no sound program needs as many. */
const MAX_STEPS = 2000
/** More consecutive drives than this without any change are an endless loop. */
const MAX_IDLE_DRIVES = 3

/**
 * Works on the tasks of a run until this process can do nothing more: all tasks have ended, or people, limits or (with
 * `noWait`) time are needed. When it settles, nothing runs any more. When a phase throws, interrupts the other tasks and throws
 * the same error. When `signal` aborts, returns normally, and every task can be resumed.
 */
export async function runTasks<S>(options: LoopOptions<S>): Promise<void> {
  const loop = new Loop(options)
  try {
    await loop.run()
  } finally {
    loop.stopTicking()
  }
}

/** Whether a task could start now. Needed because a person may answer at the moment when the loop ends. */
export function hasWork(
  tasks: readonly TaskRow[],
  options: { readonly until: string | null; readonly keepGoing: boolean; readonly now: number },
): boolean {
  const candidates = tasks.map((task) => ({
    handle: task.handle,
    dependsOn: task.definition.dependsOn,
    status: task.status,
    ticked: false,
    wakeAt: null,
    rank: 0,
  }))
  return pick(candidates, { ...options, concurrency: 1, running: new Set() }).state === 'working'
}

class Loop<S> {
  readonly #options: LoopOptions<S>
  readonly #running = new Map<
    string,
    { readonly done: Promise<void>; readonly stop: AbortController; epoch: number | null }
  >()
  readonly #stop = new AbortController()
  readonly #idleDrives = new Map<string, { readonly mark: string; readonly times: number }>()
  readonly #timer: NodeJS.Timeout
  #failure: { readonly error: unknown } | undefined
  #ticking = false
  #wake: () => void = () => {}

  constructor(options: LoopOptions<S>) {
    this.#options = options
    this.#timer = setInterval(() => void this.#tick(), TICK_MS)
    options.signal.addEventListener('abort', () => this.#wake())
    if (options.lost.aborted) this.#lose()
    else options.lost.addEventListener('abort', () => this.#lose())
  }

  stopTicking(): void {
    clearInterval(this.#timer)
  }

  async run(): Promise<void> {
    for (;;) {
      if (this.#stopped()) {
        for (const task of this.#running.values()) task.stop.abort(this.#stop.signal.reason)
        await Promise.all([...this.#running.values()].map((task) => task.done))
        if (this.#failure) throw this.#failure.error
        return
      }
      try {
        if (!(await this.#goOn())) return
      } catch (error) {
        // Everything that runs must end before this error is thrown: no work may outlive its loop.
        this.#failure ??= { error }
      }
    }
  }

  /** Starts what can start and waits for a change; false when nothing is left to do. */
  async #goOn(): Promise<boolean> {
    const changed = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const decision = await this.#pick()
    await this.#apply(decision)
    for (const handle of decision.start) this.#start(handle)
    if (decision.skip.length + decision.requeue.length > 0) return true
    if (this.#running.size === 0 && !(await this.#rest(decision, changed))) return false
    if (this.#running.size > 0) await changed
    return true
  }

  #stopped(): boolean {
    return this.#options.signal.aborted || this.#stop.signal.aborted || this.#failure !== undefined
  }

  async #pick(): Promise<Pick> {
    const { scope, until, keepGoing, concurrency, rank = () => 0 } = this.#options
    const tasks = await listTasks(scope.record.read, scope.run)
    return pick(
      tasks.map((task) => ({
        handle: task.handle,
        dependsOn: task.definition.dependsOn,
        status: task.status,
        ticked: false,
        wakeAt: this.#wakeAt(task),
        rank: rank(task),
      })),
      { until, keepGoing, concurrency, running: new Set(this.#running.keys()), now: scope.record.clock.now() },
    )
  }

  /**
   * When a suspended task may continue. null: this process does not wait for it, because with `noWait` it leaves quotas and
   * timers to others. The short pause after a fault is waited for in any case.
   */
  #wakeAt({ wakeAt, reason }: TaskRow): number | null {
    const at = wakeAt === null ? null : Date.parse(wakeAt)
    const { noWait, scope } = this.#options
    const isLeft = noWait && isWaited(reason) && at !== null && at > scope.record.clock.now()
    return isLeft ? null : at
  }

  /** Called while nothing runs: sleeps until a task wakes; false when nothing will happen by itself. */
  async #rest(decision: Pick, changed: Promise<void>): Promise<boolean> {
    if (decision.start.length > 0) return true
    if (decision.state !== 'asleep' || decision.wakeAt === null) return false
    const { clock } = this.#options.scope.record
    const over = new AbortController()
    const sleep = clock.sleepUntil(decision.wakeAt, over.signal).catch(() => {}) // rejects when it is ended early
    await Promise.race([sleep, changed])
    over.abort(new Error('awake'))
    return true
  }

  #start(handle: string): void {
    const stop = new AbortController()
    const entry = { stop, epoch: null as number | null, done: Promise.resolve() }
    entry.done = this.#drive(handle, entry)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#running.delete(handle)
        this.#wake()
      })
    this.#running.set(handle, entry)
  }

  async #drive(handle: string, entry: { stop: AbortController; epoch: number | null }): Promise<void> {
    const { scope, program, services, signal } = this.#options
    const any = AbortSignal.any([signal, this.#stop.signal, entry.stop.signal])
    let claim: Claim | undefined
    try {
      claim = await claimTask(scope, program, handle)
      entry.epoch = claim.epoch
      await this.#options.claimed(claim)
      for (let steps = 0; !any.aborted; steps++) {
        const step = await advance(claim, program, services, any)
        await this.#options.stepped(handle, step)
        if (step.status !== 'running') return await this.#guardProgress(handle, step)
        if (steps >= MAX_STEPS) throw noProgress(handle, `${steps} steps in one go`)
      }
      await this.#putBack(claim)
    } catch (error) {
      await this.#failed(handle, claim, error, any.aborted)
    }
  }

  async #failed(handle: string, claim: Claim | undefined, error: unknown, aborted: boolean): Promise<void> {
    const lost = error instanceof BelayError && error.code === 'lease_lost'
    // Only this task was taken away: cancelled, or reset by its user.
    if (lost && (await this.#holdsLeases())) {
      await this.#options.taken(handle)
      return
    }
    if (!lost && claim) {
      try {
        await this.#putBack(claim)
      } catch (second) {
        // An expected failure (for example a full disk) keeps its code and its advice.
        const known = [error, second].map(knownFailure).find((one) => one instanceof BelayError)
        const both = (): Error => new AggregateError([error, second], `${String(error)}; and then: ${String(second)}`)
        error = aborted ? second : (known ?? both())
        aborted = second instanceof BelayError && second.code === 'lease_lost'
      }
    }
    if (!aborted || lost) this.#failure ??= { error }
    this.#wake()
  }

  async #holdsLeases(): Promise<boolean> {
    const { scope, leases } = this.#options
    try {
      for (const lease of leases) await assertLease(scope.record.read, lease)
      return true
    } catch (error) {
      if (error instanceof BelayError && error.code === 'lease_lost') return false
      throw error
    }
  }

  /** An interrupted task keeps its phase and is queued again; no crash is counted. */
  async #putBack({ scope, handle, epoch }: Claim): Promise<void> {
    await scope.record.write(async (tx) => {
      await assertLease(tx, scope.lease)
      const task = (await listTasks(tx, scope.run)).find((one) => one.handle === handle)
      if (!task || task.epoch !== epoch || task.status !== 'running') return
      const now = scope.record.now()
      await changeTask(tx, scope.run, handle, now, { status: 'queued' })
      await appendEvents(tx, now, [
        {
          type: 'task.phase',
          project: scope.project,
          run: scope.run,
          task: handle,
          data: { phase: task.phase, outcome: 'interrupted', next: task.phase, status: 'queued', reason: null },
        },
      ])
    })
  }

  async #guardProgress(handle: string, step: Step): Promise<void> {
    if (isEnd(step.status)) return
    const { scope } = this.#options
    const task = (await listTasks(scope.record.read, scope.run)).find((one) => one.handle === handle)
    if (!task) return
    const mark = progressMark(task)
    const last = this.#idleDrives.get(handle)
    const times = last?.mark === mark ? last.times + 1 : 1
    this.#idleDrives.set(handle, { mark, times })
    if (times > MAX_IDLE_DRIVES)
      throw noProgress(handle, `phase ${step.phase} came to "${step.outcome}" ${times} times`)
  }

  async #apply(decision: Pick): Promise<void> {
    const { scope } = this.#options
    if (decision.skip.length + decision.requeue.length === 0) return
    await scope.record.write(async (tx) => {
      await assertLease(tx, scope.lease)
      const now = scope.record.now()
      const owner = { project: scope.project, run: scope.run }
      for (const { handle, because } of decision.skip) {
        const reason = { code: 'dependency', message: `waits for ${because}, which does not go on by itself` }
        await changeTask(tx, scope.run, handle, now, { status: 'skipped', reason })
        await appendEvents(tx, now, [
          { ...owner, type: 'task.skipped', task: handle, data: { phase: null, reason, because } },
        ])
      }
      for (const handle of decision.requeue) {
        await changeTask(tx, scope.run, handle, now, { status: 'queued', reason: null })
        await appendEvents(tx, now, [
          { ...owner, type: 'task.resumed', task: handle, data: { phase: null, because: 'mended' } },
        ])
      }
    })
  }

  /** One tick: stops tasks that were taken away, and wakes the loop to look for answers. */
  async #tick(): Promise<void> {
    if (this.#ticking) return
    this.#ticking = true
    try {
      await this.#stopTaken()
      this.#wake()
    } catch (error) {
      this.#failure ??= { error }
      this.#wake()
    } finally {
      this.#ticking = false
    }
  }

  #lose(): void {
    const error = this.#options.lost.reason as unknown
    this.#failure ??= { error }
    this.#stop.abort(error)
    this.#wake()
  }

  async #stopTaken(): Promise<void> {
    if (this.#running.size === 0) return
    const { scope } = this.#options
    for (const task of await listTasks(scope.record.read, scope.run)) {
      const mine = this.#running.get(task.handle)
      if (mine && mine.epoch !== null && mine.epoch !== task.epoch) {
        mine.stop.abort(new BelayError('lease_lost', `task ${task.handle} was taken away`))
      }
    }
  }
}

function progressMark(task: TaskRow): string {
  return JSON.stringify([task.phase, task.status, task.attempt, task.state, task.faults])
}

function noProgress(handle: string, what: string): BelayError {
  return new BelayError('no_progress', `task ${handle} makes no progress: ${what}`, {
    exit: 1,
    next: 'please report this with the output of: belay events',
  })
}

function isWaited(reason: TaskRow['reason']): boolean {
  return reason !== null && (reason.code === TIMER || QUOTA_REASONS.has(reason.code))
}
