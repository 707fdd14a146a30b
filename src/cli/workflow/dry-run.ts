import { printable } from '../../core/text.ts'
import { firstStep } from '../../programs/workflow/index.ts'
import type { WorkflowPlan } from '../../runs/workflow/plan.ts'
import { allStates, drawWorkflow } from '../../workflows/index.ts'
import type { Io } from '../io.ts'
import { settingsView } from '../views/settings.ts'
import { summaryLine } from './text.ts'

/** Shows what a workflow run would do: its input, states, agents, limits and first prompt. Spends and writes nothing. */
export function dryRunWorkflow(io: Io, plan: WorkflowPlan, json: boolean): void {
  const { definition, input, place, file, concurrency, budget } = plan.config
  const own = definition.workspace === 'directory-per-step' ? 'own-directory' : 'directory'
  const first = firstStep({ definition, input, place: place === 'repository' ? place : own })
  if (json) {
    const states = allStates(definition.flow)
    const agents = states.flatMap((one) => (one.type === 'agent' ? [{ state: one.id, ...one.role }] : []))
    io.out(
      JSON.stringify({
        workflow: definition.name,
        file,
        input,
        place,
        base: plan.base,
        states: states.map(({ id, type }) => ({ id, type })),
        agents: settingsView(agents),
        limits: {
          concurrency,
          max_steps: definition.maxSteps,
          timeout_ms: definition.timeoutMs,
          budget: settingsView(budget),
        },
        first_prompt: first === null ? null : { step: first.handle, prompt: first.prompt },
      }),
    )
    return
  }
  io.out(summaryLine(plan))
  for (const [key, value] of Object.entries(input)) io.out(printable(`input ${key}: ${JSON.stringify(value)}`))
  io.out(`\n${drawWorkflow(definition)}`)
  if (first !== null) io.out(`\nFirst prompt (step ${first.handle}):\n\n${printable(first.prompt)}`)
}
