import { basename } from 'node:path'
import { formatDuration } from '../../core/duration.ts'
import { printable } from '../../core/text.ts'
import { quoteShell } from '../../git/quote.ts'
import { columns, money, oneLine } from './format.ts'
import type { StatusView, TaskView } from './status.ts'

/** What people see beside the view itself. */
export interface StatusFacts {
  /** Process that works on the run now, or null. */
  readonly holder: { readonly host: string; readonly pid: number } | null
  /** It is the newest run of its repository: commands need not name it. */
  readonly newest: boolean
  /** When it ended, in ms since the epoch; null while it has not. */
  readonly endedAt: number | null
  /** ms since the epoch. */
  readonly now: number
}

type Run = NonNullable<StatusView['run']>

/** How things stand, for people. */
export function statusText({ run, tasks }: StatusView, facts: StatusFacts): string[] {
  if (run === null) return ['No run has been made in this repository yet. Begin with: belay run']
  const of = run.feature ?? (run.path === null ? 'a prompt' : basename(run.path))
  const things = run.source === 'batch' ? 'files' : run.source === 'workflow' ? 'steps' : 'tasks'
  const done = tasks.filter((task) => task.status === 'done').length
  const elapsed = formatDuration(Math.max(0, (facts.endedAt ?? facts.now) - Date.parse(run.created_at)))
  const cost = money(run.cost_usd, run.cost_kind)
  const next = nextStep(run, tasks, facts)
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

function nextStep(run: Run, tasks: readonly TaskView[], { holder, newest }: StatusFacts): string | null {
  if (holder !== null)
    return tasks.some((task) => task.status === 'waiting') ? 'belay checkpoints' : 'belay events --follow'
  const id = newest ? '' : ` ${run.id}`
  const stuck = tasks.find((task) => ['blocked', 'replan'].includes(task.status))
  switch (run.status) {
    case 'waiting':
      return 'belay checkpoints'
    case 'running':
    case 'interrupted':
    case 'failed':
      return `belay resume${id}`
    case 'suspended':
      return `belay resume${id}${budgetFlag(tasks)}`
    case 'blocked':
    case 'replan':
    case 'cancelled':
    case 'done':
      return stuck ? `belay show ${quoteShell(newest ? stuck.handle : `${run.id}/${stuck.handle}`)}` : null
  }
}

/** A limit that was reached has to be raised, else the run stops again at once. */
function budgetFlag(tasks: readonly TaskView[]): string {
  const limits = tasks.map((task) => /^budget_(usd|tokens|wall)$/.exec(task.reason?.code ?? '')?.[1])
  const limit = limits.find((one) => one !== undefined)
  return limit === undefined ? '' : ` --budget-${limit} ${limit === 'wall' ? 'DURATION' : 'N'}`
}
