import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { BelayError } from '../core/errors.ts'
import {
  RecordStore,
  appendEvents,
  cancelCheckpoints,
  changeTask,
  findTask,
  listArtifacts,
  raiseEpoch,
  readEvents,
  type Lease,
} from '../record/index.ts'
import { newTask, storeRun, testHome, type TestHome } from '../record/testing/record.ts'
import { advance, buildProgram, claimTask, isEnd, type Claim, type PhaseResult, type RunScope } from './index.ts'
import { phaseOf, scopeOf, takenOver, type Works } from './testing/programs.ts'

const ON = {
  work: { ok: { to: 'check' }, later: { pause: 'suspended', at: 'work' }, stuck: { end: 'blocked' } },
  check: { passed: { end: 'done' }, failed: { to: 'work' }, ask: { pause: 'waiting', at: 'check' } },
} as const
const program = buildProgram<Works>('model', 'work', {
  work: phaseOf('work', ON.work),
  check: phaseOf('check', ON.check),
})

const HANDLES = ['a', 'b'] as const
type Handle = (typeof HANDLES)[number]
const calm = new AbortController().signal

/** The expected state of the record, in a few lines of plain code. */
interface ModelTask {
  status: string
  phase: 'work' | 'check' | null
  epoch: number
  crashes: number
  /** Steps stored: each leaves one artifact and one transition. */
  steps: number
}

class Model {
  readonly tasks: Record<Handle, ModelTask> = { a: fresh(), b: fresh() }
  lease = 1
}

function fresh(): ModelTask {
  return { status: 'queued', phase: null, epoch: 0, crashes: 0, steps: 0 }
}

/** The real record. All claims are kept, current and superseded, as sleeping processes would keep theirs. */
class Real {
  readonly home: TestHome = testHome()
  readonly record = RecordStore.open(this.home.path)
  scope!: RunScope & { readonly lease: Lease }
  readonly claims: { claim: Claim; lease: number }[] = []

  async begin(): Promise<this> {
    await storeRun(
      this.record,
      HANDLES.map((handle) => newTask(handle)),
    )
    this.scope = await scopeOf(this.record)
    return this
  }

  async end(): Promise<void> {
    await this.record.close()
    this.home[Symbol.dispose]()
  }

  async same(model: Model): Promise<void> {
    for (const handle of HANDLES) {
      const task = (await findTask(this.record.read, 'r1', handle)) ?? expect.fail('no task')
      const { status, phase, epoch, crashes, steps } = model.tasks[handle]
      expect(task).toMatchObject({ status, phase, epoch, crashes })
      expect(await listArtifacts(this.record.read, 'r1', handle)).toHaveLength(steps)
      const events = await readEvents(this.record.read, { task: handle })
      expect(events.filter((event) => event.data['outcome'] !== undefined)).toHaveLength(steps)
    }
  }
}

type Command = fc.AsyncCommand<Model, Real>

/** The refusal must be `lease_lost` and change nothing (which `same` checks). */
async function lost(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(BelayError)
  expect((error as BelayError).code).toBe('lease_lost')
}

/** A task is claimed: for the first time, after a pause, or (if it was running) after its holder's death. */
class Take implements Command {
  readonly handle: Handle
  constructor(handle: Handle) {
    this.handle = handle
  }
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    const task = model.tasks[this.handle]
    const taking = claimTask(real.scope, program, this.handle)
    if (isEnd(task.status as 'done')) await lost(taking)
    else {
      real.claims.push({ claim: await taking, lease: model.lease })
      if (task.status === 'running') task.crashes += 1
      task.epoch += 1
      task.status = 'running'
      task.phase ??= 'work'
    }
    await real.same(model)
  }
  toString(): string {
    return `take ${this.handle}`
  }
}

/** A holder, possibly one superseded long ago, runs a phase to one of its outcomes, or dies in it. */
class Advance implements Command {
  readonly which: number
  readonly outcome: number
  readonly how: 'ends' | 'throws'
  constructor(which: number, outcome: number, how: 'ends' | 'throws') {
    this.which = which
    this.outcome = outcome
    this.how = how
  }
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    const held = real.claims[this.which % Math.max(1, real.claims.length)]
    if (!held) return
    const { claim, lease } = held
    const task = model.tasks[claim.handle as Handle]
    const phase = task.phase ?? 'work'
    const outcomes = Object.entries(ON[phase])
    const [outcome = '', target] = outcomes[this.outcome % outcomes.length] ?? []
    const does = async (): Promise<PhaseResult> => {
      if (this.how === 'throws') throw new Error('died')
      return { outcome, artifacts: [{ kind: 'step', data: task.steps }] }
    }
    const going = advance(claim, program, { work: does, check: does }, calm)
    if (claim.epoch !== task.epoch) await lost(going)
    else if (this.how === 'throws') await expect(going).rejects.toThrow('died')
    else if (lease !== model.lease) await lost(going)
    else {
      await going
      task.steps += 1
      task.crashes = 0
      if (target && 'to' in target) task.phase = target.to
      if (target && 'at' in target) task.phase = target.at
      task.status = target && 'end' in target ? target.end : target && 'pause' in target ? target.pause : 'running'
    }
    await real.same(model)
  }
  toString(): string {
    return `advance claim ${this.which} to ${this.outcome} (${this.how})`
  }
}

/** The user cancels. This raises the epoch, so the task's holder is refused. */
class Cancel implements Command {
  readonly handle: Handle
  constructor(handle: Handle) {
    this.handle = handle
  }
  check(model: Readonly<Model>): boolean {
    return !isEnd(model.tasks[this.handle].status as 'done')
  }
  async run(model: Model, real: Real): Promise<void> {
    await real.record.write(async (tx) => {
      const now = real.record.now()
      await raiseEpoch(tx, 'r1', this.handle)
      await cancelCheckpoints(tx, 'r1', this.handle, now)
      await changeTask(tx, 'r1', this.handle, now, { status: 'cancelled' })
      await appendEvents(tx, now, [{ type: 'task.cancelled', run: 'r1', task: this.handle }])
    })
    const task = model.tasks[this.handle]
    task.epoch += 1
    task.status = 'cancelled'
    await real.same(model)
  }
  toString(): string {
    return `cancel ${this.handle}`
  }
}

/** Another process takes over the run. Claims made under the earlier lease are refused. */
class TakeOver implements Command {
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    const old = real.scope
    real.scope = await takenOver(real.record, old)
    model.lease += 1
    await lost(claimTask(old, program, 'a'))
    await real.same(model)
  }
  toString(): string {
    return 'take over'
  }
}

const handles = fc.constantFrom(...HANDLES)
const commands = fc.commands<Model, Real, false>(
  [
    handles.map((handle) => new Take(handle)),
    fc
      .tuple(
        fc.nat(20),
        fc.nat(5),
        fc.constantFrom('ends' as const, 'ends' as const, 'ends' as const, 'throws' as const),
      )
      .map(([which, outcome, how]) => new Advance(which, outcome, how)),
    handles.map((handle) => new Cancel(handle)),
    fc.constant(new TakeOver()),
  ],
  { maxCommands: 30 },
)

it('does what a simple model does, whoever crashes, sleeps, cancels or takes over', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (script) => {
      const real = await new Real().begin()
      try {
        await fc.asyncModelRun(() => ({ model: new Model(), real }), script)
      } finally {
        await real.end()
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 40_000 },
  )
})
