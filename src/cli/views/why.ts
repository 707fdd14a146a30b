import { formatDuration } from '../../core/duration.ts'
import { stateOf } from '../../programs/direct/state.ts'
import { stateOf as stepState } from '../../programs/workflow/state.ts'
import type { CheckpointRow, RunRow, TaskRow } from '../../record/index.ts'
import { expiredAt } from '../../runs/answers.ts'
import { budgetFlag } from './budget-flag.ts'

/** What is needed, besides the task's row, to explain its status. */
export interface Standing {
  readonly run: RunRow
  readonly task: TaskRow
  /** The task's name in commands. */
  readonly ref: string
  /** The tasks that this one waits for and that are not done, with their status. */
  readonly waitsFor: readonly { readonly handle: string; readonly status: string }[]
  /** Whether the task is part of what the run must do (`--until`). */
  readonly wanted: boolean
  /** The open question to a person, or null. */
  readonly question: CheckpointRow | null
  /** Process that is working on the run, or null. */
  readonly holder: { readonly host: string; readonly pid: number } | null
  readonly now: number
}

/** Why a task is done, or why not and what to do next (null: nothing). */
export interface Why {
  readonly sentence: string
  readonly next: string | null
}

/**
 * One sentence for people about the status of a task, and the command that continues it. The text is not yet made printable.
 */
export function whyTask(standing: Standing): Why {
  const { task, ref, run } = standing
  const because = task.reason === null ? '' : `: ${task.reason.message}`
  switch (task.status) {
    case 'done':
      return done(standing)
    case 'running':
      return running(standing)
    case 'queued':
      return queued(standing)
    case 'waiting':
      return waiting(standing)
    case 'suspended':
      return suspended(standing)
    case 'skipped': {
      const first = standing.waitsFor.find((one) => ['blocked', 'replan', 'cancelled', 'skipped'].includes(one.status))
      const after = first === undefined ? '' : ` (${first.handle} is ${first.status})`
      return not(
        task,
        `it was skipped${because}${after}`,
        first === undefined ? 'belay resume' : `belay show ${sibling(standing, first.handle)}`,
      )
    }
    case 'blocked':
      return not(
        task,
        `it is blocked${because}`,
        `belay retry ${ref} --resume, or: belay unblock ${ref} --note "..." --resume`,
      )
    case 'replan':
      return not(
        task,
        `the task itself has to be changed${because}`,
        `change it in ${run.source.path ?? 'its source'}, commit, then: belay retry ${ref} --resume`,
      )
    case 'cancelled':
      return not(task, `it was cancelled${because}`, `belay retry ${ref} --resume`)
  }
}

function not(task: TaskRow, why: string, next: string | null): Why {
  return { sentence: `${task.handle} is not done: ${why}`, next }
}

function done({ task, run }: Standing): Why {
  if (run.program === 'batch') {
    const before = task.phase === null ? 'it had a result already when the run began' : 'its result is written'
    return { sentence: `${task.handle} is done: ${before}`, next: null }
  }
  if (run.program === 'workflow') return stepOver(task, run)
  if (task.commit === null) {
    return { sentence: `${task.handle} is done: it was done already when the run began`, next: null }
  }
  const where =
    run.target === null || run.landed === null
      ? `on ${run.resultBranch}`
      : run.landed
        ? `on ${run.target}`
        : `on ${run.resultBranch}, which ${run.target} could not follow`
  const sentence = `${task.handle} is done: ${proofOf(task)}; commit ${task.commit.slice(0, 12)} ${where}`
  return { sentence, next: run.landed === false ? run.finishCommand : null }
}

/** Explains a finished step of a workflow. A step whose failure was handled is finished, too. */
function stepOver(task: TaskRow, run: RunRow): Why {
  const { result } = stepState(task)
  if (result?.kind === 'failed') {
    const { code, message } = result.error
    return {
      sentence: `${task.handle} is over: it failed (${code}: ${message}), and the workflow took it from there`,
      next: null,
    }
  }
  const commit = task.commit === null ? '' : `; commit ${task.commit.slice(0, 12)}`
  return { sentence: `${task.handle} is done: it has its output${commit}`, next: run.finishCommand }
}

/** What proves a task that has landed. */
function proofOf(task: TaskRow): string {
  const state = stateOf(task)
  const gates = state.gates.map(({ name, result }) => (result === 'pass' ? name : `${name} (${result})`))
  const proven = gates.length === 0 ? 'no gates are configured' : `proven by ${gates.join(', ')}`
  if (state.emptyAccepted) return `${proven}, nothing had to be changed`
  const reviewed = state.personApproved ? 'reviewed and approved by a person' : 'reviewed'
  return `${proven}, ${reviewed}, ${task.attempt > 1 ? `after ${task.attempt} attempts` : 'at the first attempt'}`
}

function running(standing: Standing): Why {
  const { task, ref, holder, run, now } = standing
  const since =
    task.phaseStartedAt === null ? '' : `, for ${formatDuration(Math.max(0, now - Date.parse(task.phaseStartedAt)))}`
  const phase = `phase ${task.phase ?? 'prepare'}${since}`
  if (holder === null) {
    return not(task, `it was in ${phase}, but the process that worked on it is gone`, resume(run))
  }
  return {
    sentence: `${task.handle} is being worked on: ${phase} (process ${holder.pid})`,
    next: `belay logs ${ref} --follow`,
  }
}

function queued(standing: Standing): Why {
  const { task, holder, run } = standing
  if (!standing.wanted) {
    return not(
      task,
      `this run was to do only ${String(run.options['until'])} and what it depends on (--until)`,
      'belay run',
    )
  }
  const [first, ...more] = standing.waitsFor
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  const why =
    first === undefined ? 'its turn has not come yet' : `it waits for ${first.handle} (${first.status})${others}`
  const blocked = first !== undefined && !['queued', 'running'].includes(first.status)
  if (blocked) return not(task, why, `belay show ${sibling(standing, first.handle)}`)
  return not(task, why, holder === null ? resume(run) : 'belay status')
}

function waiting({ task, question, run, now }: Standing): Why {
  const expired = question === null ? null : expiredAt(question, now)
  if (question !== null && expired !== null)
    return not(task, `nobody answered until ${expired}: ${question.question}`, resume(run))
  if (question === null)
    return not(
      task,
      `it waits for a person${task.reason === null ? '' : `: ${task.reason.message}`}`,
      'belay checkpoints',
    )
  return not(
    task,
    `it waits for a person: ${question.question}`,
    `belay answer ${question.id} VALUE --resume (VALUE: ${question.options.join(', ')})`,
  )
}

function suspended({ task, holder, run, now }: Standing): Why {
  const because = task.reason === null ? '' : `: ${task.reason.message}`
  const left = task.wakeAt === null ? null : Date.parse(task.wakeAt) - now
  const when = left === null ? '' : left > 0 ? ` (in ${formatDuration(left)})` : ' (now)'
  const why = `it is suspended${because}${when}`
  if (holder !== null) return not(task, why, 'belay status')
  return not(task, why, `${resume(run)}${budgetFlag(task.reason?.code) ?? ''}`)
}

function resume(run: RunRow): string {
  return `belay resume ${run.id}`
}

/** Another task of the same run, as named in commands. */
function sibling({ ref, task }: Standing, handle: string): string {
  return ref.endsWith(`/${task.handle}`) ? `${ref.slice(0, -task.handle.length)}${handle}` : handle
}
