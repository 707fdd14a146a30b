import type { TaskRow } from '../../record/index.ts'
import type { Definition } from '../../workflows/index.ts'
import type { Scope } from '../../workflows/expressions/index.ts'
import { handleOf, levelsOf, type Level } from './handles.ts'
import { stateOf } from './state.ts'
import { insideOf } from './walk.ts'

export interface ScopeInput {
  readonly definition: Definition
  readonly run: string
  readonly input: unknown
  readonly tasks: readonly TaskRow[]
}

/**
 * What a step's expressions can refer to: the input, earlier steps of its own and the enclosing lists of states, loop items, a
 * caught error.
 */
export function scopeOf(from: ScopeInput, handle: string): Scope {
  const levels = levelsOf(from.definition, handle)
  const scope: Record<string, unknown> = baseOf(from, levels)
  for (const level of levels) Object.assign(scope, namesOf(from, level))
  return scope
}

/** What the workflow's own output can refer to. */
export function outerScope(from: ScopeInput): Scope {
  const { flow } = from.definition
  return baseOf(from, [{ flow, prefix: '' }])
}

function baseOf(
  { definition, run, input, tasks }: ScopeInput,
  levels: readonly Pick<Level, 'flow' | 'prefix'>[],
): Record<string, unknown> {
  const rows = new Map(tasks.map((task) => [task.handle, task]))
  const steps: Record<string, unknown> = {}
  const named: { readonly name: string; readonly position: number; readonly output: unknown }[] = []
  for (const { flow, prefix } of levels) {
    for (const { id, result: name } of flow.states) {
      for (let n = 1; ; n++) {
        const row = rows.get(handleOf(prefix, id, n))
        if (!row) break
        const { result } = stateOf(row)
        if (row.status !== 'done' || result?.kind !== 'output') continue
        steps[id] = { output: result.output }
        if (name !== null) named.push({ name, position: row.position, output: result.output })
      }
    }
  }
  const results = Object.fromEntries(
    named.sort((a, b) => a.position - b.position).map(({ name, output }) => [name, output]),
  )
  return { input, steps, results, run: { id: run, workflow: definition.name } }
}

/** The names that a state defines for the steps inside it. */
function namesOf({ tasks }: ScopeInput, { state, handle, inner }: Level): Record<string, unknown> {
  if (inner === null) return {}
  const row = tasks.find((task) => task.handle === handle)
  if (!row) throw new Error(`there is no step ${handle}`)
  if (state.type === 'foreach') {
    const index = Number(inner)
    return { [state.item]: stateOf(row).items?.[index] ?? null, index }
  }
  if (state.type === 'try' && inner.startsWith('catch')) return { error: insideOf(tasks, state, row).error }
  return {}
}
