/**
 * The handle of a step says where it is in the workflow. `each.3.check@2` is the second visit of state `check` for item 3 of
 * the loop `each`. A handle is a state id, and for each level deeper the item number, the branch or the part (of a `try`), and
 * the id of the state inside. `each.3@2.check` belongs to the second try of the loop.
 */
import { flowsOf, isComposite, isRetried, type Definition, type Flow, type State } from '../../workflows/index.ts'

/** One level of a handle. */
export interface Level {
  readonly flow: Flow
  readonly state: State
  /** Handle of the state at this level. */
  readonly handle: string
  /** Prefix of the handles of this level's states. */
  readonly prefix: string
  /** Item number, branch or part that leads to the next level; null on the last level. */
  readonly inner: string | null
  /** The try of this level's state that the next level belongs to, from 1. */
  readonly round: number
}

/** The levels of a handle, outermost first. Throws if the workflow has no such step (a bug). */
export function levelsOf(definition: Definition, handle: string): readonly [Level, ...Level[]] {
  const parts = handle.split('.')
  if (parts.length % 2 === 0) throw new Error(`no step of this workflow is called ${handle}`)
  const levels: Level[] = []
  let flow: Flow | undefined = definition.flow
  for (let at = 0; at < parts.length; at += 2) {
    const id = parts[at]?.replace(/@\d+$/, '')
    const state: State | undefined = flow?.states.find((one) => one.id === id)
    if (flow === undefined || state === undefined) throw new Error(`no step of this workflow is called ${handle}`)
    const [inner = null, round = '1'] = parts[at + 1]?.split('@') ?? []
    const prefix = at === 0 ? '' : `${parts.slice(0, at).join('.')}.`
    levels.push({ flow, state, handle: parts.slice(0, at + 1).join('.'), prefix, inner, round: Number(round) })
    flow = inner === null ? undefined : innerFlow(state, inner)
  }
  const [first, ...rest] = levels
  if (!first) throw new Error('a handle without a level')
  return [first, ...rest]
}

/** The last level of a handle: the step itself. */
export function levelOf(definition: Definition, handle: string): Level {
  const levels = levelsOf(definition, handle)
  return levels.at(-1) ?? levels[0]
}

function innerFlow(state: State, inner: string): Flow | undefined {
  const name = state.type === 'foreach' && /^\d+$/.test(inner) ? '*' : inner
  return flowsOf(state).find((one) => one.name === name)?.flow
}

/** Handle of the `n`th visit (from 1) of a state. */
export function handleOf(prefix: string, id: string, n: number): string {
  return `${prefix}${id}${n === 1 ? '' : `@${n}`}`
}

/**
 * Prefix of the handles inside a state, in a list of states called `name`. `tries`: how many tries have failed before this one.
 */
export function innerPrefix(handle: string, name: string, tries: number): string {
  return `${handle}.${name}${tries === 0 ? '' : `@${tries + 1}`}.`
}

/** Handle of the state around this step that handles its failure (a `try`, or one that is retried); null: there is none. */
export function handlerOf(definition: Definition, handle: string, code: string): string | null {
  for (const { state, inner, handle: at, round } of [...levelsOf(definition, handle)].reverse()) {
    if (inner !== null && isComposite(state) && isRetried(state, round, code)) return at
    if (state.type !== 'try' || inner === null || inner === 'finally') continue
    const caught = inner === 'try' && state.handlers.some(({ on }) => on === null || on.includes(code))
    if (caught || state.finally !== null) return at
  }
  return null
}
