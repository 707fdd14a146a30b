import { implementPrompt } from '../../programs/direct/prompts.ts'
import { stateOf } from '../../programs/direct/state.ts'
import { drawGraph } from '../../scheduler/draw.ts'
import { withAncestors } from '../../scheduler/graph.ts'
import { UNTOUCHED, type TaskRow } from '../../record/index.ts'
import type { RunPlan } from '../../runs/plan.ts'
import type { RunOptions } from '../../runs/services.ts'
import type { Io } from '../io.ts'
import { settingsView } from '../views/settings.ts'
import { summaryLine } from './announce.ts'

/** Shows what a run would do: source, tasks, graph, agents, gates, limits and the first prompt. Spends and writes nothing. */
export async function dryRun(io: Io, plan: RunPlan, options: RunOptions, json: boolean): Promise<void> {
  const wanted = options.until === null ? null : withAncestors(plan.source.tasks, options.until)
  const tasks = plan.source.tasks.filter((task) => wanted === null || wanted.has(task.handle))
  const first = tasks.find((task) => !task.done)
  const prompt = first
    ? implementPrompt(asRow(first), 1, plan.source.implementPrompt(first.handle), stateOf(asRow(first)))
    : null
  const { config } = plan
  if (json) {
    io.out(
      JSON.stringify({
        source: plan.runSource,
        target: plan.target,
        base: plan.base,
        tasks: tasks.map(({ handle, title, done, dependsOn }) => ({ handle, title, done, depends_on: dependsOn })),
        agents: settingsView(config.workflow.roles),
        gates: settingsView(config.verify.gates),
        limits: {
          max_iterations: config.task.maxIterations,
          concurrency: config.concurrency,
          budget: settingsView(config.budget),
        },
        warnings: plan.warnings,
        first_prompt: prompt,
      }),
    )
    return
  }
  io.out(summaryLine(plan))
  for (const warning of plan.warnings) io.out(`warning: ${warning}`)
  io.out('')
  for (const line of drawGraph(tasks)) io.out(line)
  io.out('')
  for (const gate of config.verify.gates)
    io.out(`gate ${gate.name}: ${JSON.stringify(gate.run)} (${gate.timeoutMs / 1000} s)`)
  if (prompt !== null) io.out(`\nFirst prompt:\n\n${prompt}`)
}

function asRow(task: RunPlan['source']['tasks'][number]): TaskRow {
  return {
    run: '',
    handle: task.handle,
    position: 0,
    title: task.title,
    definition: { dependsOn: task.dependsOn, criteria: task.criteria, subject: task.subject },
    ...UNTOUCHED,
  }
}
