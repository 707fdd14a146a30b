import { head, printable } from '../../core/text.ts'
import type { StatusView, TaskView } from './status.ts'

/** How things stand, for people. */
export function statusText({ run, tasks }: StatusView): string[] {
  if (run === null) return ['No run has been made in this repository yet. Begin with: belay run']
  const of = run.feature ?? 'a prompt'
  const done = tasks.filter((task) => task.status === 'done').length
  const lines = [
    `run ${run.id}: ${run.status}${run.reason === null ? '' : ` (${printable(run.reason.message)})`}`,
    `  ${done} of ${tasks.length} tasks of ${printable(of)} done, ${landing(run)}${cost(run.cost_usd, run.cost_kind)}`,
  ]
  const width = Math.max(0, ...tasks.map((task) => task.handle.length))
  for (const task of tasks) lines.push(`  ${task.handle.padEnd(width)}  ${taskLine(task)}`)
  if (run.landed === false && run.finish_command !== null) lines.push('', `finish with: ${run.finish_command}`)
  const next = nextStep(run.status, tasks)
  if (next !== null) lines.push('', `next: ${next}`)
  return lines
}

function landing(run: NonNullable<StatusView['run']>): string {
  if (run.target === null) return `result on ${run.result_branch}`
  if (run.landed === null) return `to land on ${run.target}`
  return run.landed ? `landed on ${run.target}` : `not landed on ${run.target} (result on ${run.result_branch})`
}

function cost(usd: number | null, kind: string): string {
  if (usd === null) return ''
  return `, ${kind === 'estimated' ? 'about ' : ''}$${usd.toFixed(usd < 1 ? 4 : 2)}`
}

function taskLine(task: TaskView): string {
  const state = task.status === 'running' ? `${task.status} (${task.phase})` : task.status
  const tries = task.attempt > 1 ? `, ${task.attempt} attempts` : ''
  const what = head(printable(task.title).replace(/\s+/g, ' '), 60)
  const after =
    task.commit === null
      ? task.reason === null
        ? ''
        : `: ${head(printable(task.reason.message), 200)}`
      : ` ${task.commit.slice(0, 10)}`
  return `${state.padEnd(9)}  ${what}${tries}${after}`
}

function nextStep(status: string, tasks: readonly TaskView[]): string | null {
  const stuck = tasks.find((task) => ['blocked', 'replan'].includes(task.status))
  if (status === 'waiting') return 'belay checkpoints'
  if (['interrupted', 'suspended', 'failed'].includes(status)) return 'belay resume'
  return stuck ? `belay show ${stuck.handle}` : null
}
