import { styleText } from 'node:util'
import { formatDuration } from '../../core/duration.ts'
import type { TaskStatus } from '../../core/words.ts'
import type { LiveState, LiveTask } from './state.ts'

export interface LinesOptions {
  /** Number of lines that fit. */
  readonly rows: number
  /** Current time, in ms since the epoch. */
  readonly now: number
  readonly color: boolean
}

interface Widths {
  readonly handle: number
  readonly cost: number
}

/** More lines than this cannot be taken in at a glance. */
const MOST_LINES = 14

/** Statuses that get a line, in this order; queued and done tasks are only counted. */
const SHOWN: readonly TaskStatus[] = ['running', 'waiting', 'suspended', 'blocked', 'replan', 'cancelled', 'skipped']

type Style = Parameters<typeof styleText>[0]

const LOOKS: Partial<Record<TaskStatus, { readonly sign: string; readonly style: Style }>> = {
  running: { sign: '>', style: 'cyan' },
  waiting: { sign: '?', style: 'yellow' },
  suspended: { sign: '~', style: 'yellow' },
  blocked: { sign: '!', style: 'red' },
  replan: { sign: '!', style: 'red' },
}

/**
 * The block's lines: first the state of the run, then every task that is running or held up. Longer lines are cut off when they
 * are drawn.
 */
export function liveLines(state: LiveState, options: LinesOptions): string[] {
  const room = Math.max(1, Math.min(options.rows, MOST_LINES)) - 1
  const shown = SHOWN.flatMap((status) => state.tasks.filter((task) => task.status === status))
  const widths: Widths = {
    handle: Math.max(0, ...shown.map((task) => task.handle.length)),
    cost: Math.max(0, ...shown.map((task) => task.cost?.length ?? 0)),
  }
  const lines: string[] = []
  // Every task gets its line before any gets a second one.
  const spare = room - shown.length
  for (const [i, task] of shown.entries()) {
    const rest = shown.length - i
    if (lines.length === room - 1 && rest > 1) {
      lines.push(dim(`  and ${rest} more: belay status`, options))
      break
    }
    if (lines.length === room) break
    lines.push(taskLine(task, widths, options))
    if (lines.length - i - 1 < spare) lines.push(...saidLine(task, widths, options))
  }
  return [headLine(state, options), ...lines]
}

function headLine({ tasks, run, begun, cost }: LiveState, { now, color }: LinesOptions): string {
  const count = (status: TaskStatus): number => tasks.filter((task) => task.status === status).length
  const counts = (['queued', 'waiting', 'suspended', 'blocked', 'replan', 'skipped', 'cancelled'] as const)
    .filter((status) => count(status) > 0)
    .map((status) => `${count(status)} ${status}`)
  const parts = [
    `${count('done')} of ${tasks.length} done`,
    ...counts,
    clock(now - begun),
    ...(cost === null ? [] : [cost]),
  ]
  return `${paint('bold', `run ${run}`, color)}  ${parts.join(', ')}`
}

function taskLine(task: LiveTask, { handle, cost }: Widths, { now, color }: LinesOptions): string {
  const look = LOOKS[task.status] ?? { sign: ' ', style: 'dim' }
  const running = task.status === 'running'
  const tries = running && task.phase === 'implement' && task.attempt > 0 ? ` ${task.attempt + 1}` : ''
  const state = `${running ? (task.phase ?? 'prepare') : task.status}${tries}`
  const what = running ? task.title : (need(task) ?? task.title)
  const name = paint(look.style, `${look.sign} ${task.handle.padEnd(handle)}  ${state.padEnd(11)}`, color)
  const money = cost === 0 ? '' : `${(task.cost ?? '').padEnd(cost)}  `
  return `${name}  ${time(task, now).padEnd(6)}  ${money}${what}`
}

function time(task: LiveTask, now: number): string {
  if (task.status === 'suspended' && task.wakeAt !== null) return `in ${clock(task.wakeAt - now)}`
  return task.status === 'running' && task.since !== null ? clock(now - task.since) : ''
}

/** A duration in whole seconds, so that it does not flicker. */
function clock(ms: number): string {
  return ms < 1000 ? '0s' : formatDuration(ms - (ms % 1000))
}

/** What a task waits for, or null. */
function need(task: LiveTask): string | null {
  if (task.question !== null) return `belay answer ${task.question}: ${task.reason ?? ''}`
  return task.reason
}

function saidLine(task: LiveTask, { handle }: Widths, options: LinesOptions): string[] {
  if (task.status !== 'running' || task.said === null) return []
  return [dim(`${' '.repeat(handle + 4)}${task.said}`, options)]
}

function dim(text: string, { color }: LinesOptions): string {
  return paint('dim', text, color)
}

function paint(style: Style, text: string, color: boolean): string {
  return color ? styleText(style, text, { validateStream: false }) : text
}
