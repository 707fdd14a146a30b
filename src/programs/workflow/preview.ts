import { ExpressionError, fill, holds, parseCondition, type Scope } from '../../workflows/expressions/index.ts'
import { END, isComposite, type AgentState, type Composite, type Definition, type Flow } from '../../workflows/index.ts'
import { handleOf, innerPrefix } from './handles.ts'
import { stepPrompt, type PromptParts } from './prompt.ts'
import { START } from './state.ts'

/** The first step of a run that asks an agent. */
export interface FirstStep {
  readonly handle: string
  readonly state: AgentState
  readonly prompt: string
}

export interface PreviewInput {
  readonly definition: Definition
  readonly input: unknown
  readonly place: PromptParts['place']
}

/** How many states are visited in search of an agent step; states that only compute can form a cycle. */
const MOST = 1000

/**
 * The first agent step that a run with this input reaches, with its prompt. null: there is none, or it depends on a person or
 * on facts that only the run will know. Runs nothing.
 */
export function firstStep(from: PreviewInput): FirstStep | null {
  const run = { id: '(this run)', workflow: from.definition.name }
  try {
    const found = visit({ ...from, left: MOST }, from.definition.flow, '', { input: from.input, run })
    return 'step' in found ? found.step : null
  } catch (error) {
    if (error instanceof ExpressionError) return null // the run will report this failure
    throw error
  }
}

/** `ended`: the list of states is finished, with this output. `step: null`: it cannot be known. */
type Found = { readonly step: FirstStep | null } | { readonly ended: unknown }

const NOBODY_KNOWS: Found = { step: null }

type Visit = PreviewInput & { left: number }

function visit(run: Visit, flow: Flow, prefix: string, outer: Scope): Found {
  const steps: Record<string, unknown> = { ...(outer['steps'] as object | undefined) }
  const results: Record<string, unknown> = { ...(outer['results'] as object | undefined) }
  const scope: Scope = { ...outer, steps, results }
  let last: unknown = null
  for (let id = flow.start; id !== END;) {
    const state = flow.states.find((one) => one.id === id)
    if (state === undefined || --run.left < 0) return NOBODY_KNOWS
    const handle = handleOf(prefix, id, 1)
    if (state.type === 'agent') return { step: { handle, state, prompt: promptOf(run, state, handle, scope) } }
    if (state.type === 'human_approval' || state.type === 'timer') return NOBODY_KNOWS
    if (state.type === 'switch') {
      const target = state.cases.find(({ when }) => holds(parseCondition(when), scope))?.next ?? state.fallback
      if (target === null) return NOBODY_KNOWS
      id = target
      continue
    }
    const inside: Found = isComposite(state)
      ? enter(run, state, handle, scope)
      : { ended: state.type === 'inject' ? state.value : fill(state.value, scope) }
    if ('step' in inside) return inside
    last = state.output === null ? inside.ended : fill(state.output.value, { ...scope, output: inside.ended })
    steps[id] = { output: last }
    if (state.result !== null) results[state.result] = last
    id = state.next
  }
  return { ended: last }
}

/** Visits the lists of states inside a state, one after the other. */
function enter(run: Visit, state: Composite, handle: string, scope: Scope): Found {
  const outputs: Record<string, unknown> = {}
  for (const { name, flow, more } of insides(state, scope)) {
    const inside = visit(run, flow, innerPrefix(handle, name, 0), { ...scope, ...more })
    if ('step' in inside) return inside
    outputs[name] = inside.ended
  }
  if (state.type === 'foreach') return { ended: Object.values(outputs) }
  return { ended: state.type === 'parallel' ? outputs : outputs['try'] }
}

interface Inside {
  readonly name: string
  readonly flow: Flow
  readonly more: Scope
}

function insides(state: Composite, scope: Scope): readonly Inside[] {
  switch (state.type) {
    case 'foreach': {
      const items = fill(state.items, scope)
      if (!Array.isArray(items)) throw new ExpressionError('expression_type', 'the items are no list')
      return items.map((item, index) => ({
        name: String(index),
        flow: state.flow,
        more: { [state.item]: item as unknown, index },
      }))
    }
    case 'parallel':
      return state.branches.map(({ name, flow }) => ({ name, flow, more: {} }))
    case 'try':
      return [
        { name: 'try', flow: state.flow, more: {} },
        ...(state.finally === null ? [] : [{ name: 'finally', flow: state.finally, more: {} }]),
      ]
  }
}

function promptOf({ definition, place }: Visit, state: AgentState, handle: string, scope: Scope): string {
  const step = { ...START, input: state.input === null ? null : fill(state.input, scope) }
  return stepPrompt({ definition, state, handle, scope, step, before: [], interrupted: false, place })
}
