import { basename } from 'node:path'
import { formatDuration } from '../../core/duration.ts'
import { printable } from '../../core/text.ts'
import { quoteShell } from '../../git/quote.ts'
import { budgetFlag } from './budget-flag.ts'
import { columns, money, oneLine } from './format.ts'
import type { StatusFacts } from './status-facts.ts'
import type { StatusView, TaskView } from './status.ts'

type Run = NonNullable<StatusView['run']>

/** The status of a run, for people. */
export function statusText(view: StatusView, facts: StatusFacts): string[] {
  const { run, tasks } = view
  if (run === null) return ['No run has been made in this repository yet. Begin with: belay run']
  const of = run.feature ?? (run.path === null ? 'a prompt' : basename(run.path))
  const things = run.source === 'batch' ? 'files' : run.source === 'workflow' ? 'steps' : 'tasks'
  const done = tasks.filter((task) => task.status === 'done').length
  const elapsed = formatDuration(Math.max(0, (facts.endedAt ?? facts.now) - Date.parse(run.created_at)))
  const cost = money(run.cost_usd, run.cost_kind)
  const next = nextCommand(view, facts)
  return [
    `run ${run.id}: ${run.status}${standing(run, facts)}`,
    `  ${done} of ${tasks.length} ${things} of ${printable(of)} done${landing(run)}, ${elapsed}${cost === null ? '' : `, ${cost}`}`,
    ...columns(tasks.map((task) => ['', printable(task.handle), state(task, facts), what(task)])),
    ...(run.landed !== true && run.finish_command !== null
      ? ['', `finish with: ${printable(run.finish_command)}`]
      : []),
    ...(next === null ? [] : ['', `next: ${printable(next)}`]),
  ]
}

function standing(run: Run, { holder }: StatusFacts): string {
  if (run.status === 'running') {
    return holder === null
      ? ', but the process that worked on it is gone'
      : ` (process ${holder.pid} on ${printable(holder.host)} works on it)`
  }
  return run.reason === null ? '' : ` (${oneLine(run.reason.message, 400)})`
}

function landing(run: Run): string {
  if (run.result_branch === null) return ''
  return `, ${whereTo(run)}`
}

function whereTo(run: Run): string {
  if (run.target === null) return `result on ${run.result_branch}`
  const target = printable(run.target)
  if (run.landed === null) return `to land on ${target}`
  return run.landed ? `landed on ${target}` : `not landed on ${target} (result on ${run.result_branch})`
}

function state(task: TaskView, { holder }: StatusFacts): string {
  if (task.status !== 'running') return task.status
  return holder === null ? `stopped (${task.phase ?? 'prepare'})` : (task.phase ?? 'prepare')
}

function what(task: TaskView): string {
  // A batch's files have no titles of their own.
  const title = task.title === task.handle ? '' : oneLine(task.title, 60)
  const tries = task.attempt > 1 ? `${task.attempt} attempts` : ''
  const text = [title, tries].filter((part) => part !== '').join(', ')
  if (task.commit !== null) return `${text}  ${task.commit.slice(0, 10)}`
  if (task.reason === null) return text
  return `${text}${text === '' ? '' : ': '}${oneLine(task.reason.message, 200)}`
}

/** The command that continues a run; null: there is none. */
export function nextCommand(
  { run, tasks }: StatusView,
  { holder, newest, open }: Pick<StatusFacts, 'holder' | 'newest' | 'open'>,
): string | null {
  if (run === null) return 'belay run'
  const isAsked = tasks.some((task) => task.status === 'waiting')
  if (holder !== null) return isAsked ? 'belay checkpoints' : 'belay events --follow'
  const id = newest ? '' : ` ${run.id}`
  const stuck = tasks.find((task) => ['blocked', 'replan'].includes(task.status))
  switch (run.status) {
    case 'waiting':
      return isAsked ? 'belay checkpoints' : `belay resume${id}`
    case 'running':
    case 'interrupted':
      return `belay resume${id}`
    case 'failed':
      return AFTER_FAILURE[run.reason?.code ?? '']?.(`belay resume${id}`) ?? `belay resume${id}`
    case 'suspended':
      return `belay resume${id}${tasks.map((task) => budgetFlag(task.reason?.code)).find((flag) => flag !== null) ?? ''}`
    case 'blocked':
    case 'replan':
    case 'cancelled':
    case 'done':
      // A person has queued a task again.
      if (open && run.status !== 'done') return `belay resume${id}`
      return stuck ? `belay show ${quoteShell(newest ? stuck.handle : `${run.id}/${stuck.handle}`)}` : null
  }
}

/**
 * Commands after a failure that resuming alone does not fix. A run keeps its base and its configuration, so fixes apply only to
 * a new one.
 */
const AFTER_FAILURE: Readonly<Record<string, (resume: string) => string>> = {
  setup_failed: () => 'fix it and commit, then: belay run',
  red_baseline: (resume) => `fix it and commit, then: belay run; or continue as it is: ${resume} --accept-red-baseline`,
  gates_absent: (resume) => `fix it, then: belay run; or continue as it is: ${resume} --allow-absent-gates`,
}
