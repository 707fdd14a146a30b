import { formatDuration } from '../../core/duration.ts'
import { printable } from '../../core/text.ts'
import type { RunPlan } from '../../runs/plan.ts'
import { withAncestors } from '../../scheduler/graph.ts'
import type { Io } from '../io.ts'

/** Prints warnings and one line about what the run will do and its limits, on stderr. */
export async function announce(io: Io, plan: RunPlan, json: boolean): Promise<void> {
  for (const warning of plan.warnings) io.note(`warning: ${printable(warning)}`)
  if (plan.configFile === null) {
    io.note('note: no belay.yaml here; using what `belay init` would write (see it with: belay init)')
  }
  if (plan.config.verify.gates.length === 0) {
    io.note('warning: no gates are configured (verify.commands): commits will say "Belay-Gates: none"')
  }
  if (!json) io.note(summaryLine(plan))
}

/** What a run will do, with which agents and within which limits, in one line. */
export function summaryLine(plan: RunPlan): string {
  const { config, source } = plan
  const wanted = plan.until === null ? null : withAncestors(source.tasks, plan.until)
  const open = source.tasks.filter((task) => !task.done && (wanted === null || wanted.has(task.handle))).length
  const { implementer, reviewer } = config.workflow.roles
  const what =
    source.feature === null ? 'one prompt' : `${open} of ${source.tasks.length} tasks of ${printable(source.feature)}`
  const parts = [
    `${what} into ${plan.target ?? 'a result branch (HEAD is detached)'}${plan.newTarget ? ' (a new branch)' : ''}`,
    `${implementer.provider} implements, ${reviewer.provider} reviews`,
    `gates: ${config.verify.gates.map((gate) => gate.name).join(', ') || 'none'}`,
    `limits: ${limits(plan)}`,
  ]
  return parts.join('; ')
}

function limits({ config }: RunPlan): string {
  const { usd, tokens, wallMs } = config.budget
  return [
    `${config.task.maxIterations} ${config.task.maxIterations === 1 ? 'attempt' : 'attempts'} a task`,
    `${formatDuration(config.workflow.roles.implementer.timeoutMs)} a turn`,
    ...(config.concurrency > 1 ? [`${config.concurrency} at a time`] : []),
    ...(usd === null ? [] : [`$${usd}`]),
    ...(tokens === null ? [] : [`${tokens} tokens`]),
    ...(wallMs === null ? [] : [formatDuration(wallMs)]),
  ].join(', ')
}
