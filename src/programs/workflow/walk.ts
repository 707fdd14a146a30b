/**
 * Where a workflow stands: a pure function of its definition and of the results of its steps. It says which steps come next.
 * Handles follow from the place in the workflow, so walking twice names the same steps, and none is created twice.
 */
import {
  END,
  isComposite,
  type Composite,
  type Definition,
  type Flow,
  type State,
  type TryState,
} from '../../workflows/index.ts'
import type { TaskRow } from '../../record/index.ts'
import { handleOf, innerPrefix } from './handles.ts'
import { stateOf, type StepFailure } from './state.ts'

/** The state of a list of states. */
export type FlowEnd =
  /** A step runs, waits or is about to begin. */
  | { readonly kind: 'open' }
  /** A step failed and nothing handles it, or it was cancelled: only a person can help. */
  | { readonly kind: 'stuck' }
  | { readonly kind: 'done'; readonly output: unknown; readonly tip: string | null }
  | { readonly kind: 'failed'; readonly error: StepFailure; readonly tip: string | null }

export interface NextStep {
  readonly handle: string
  readonly state: State
}

export interface LoopBegin {
  readonly handle: string
  readonly items: number
  /** The states that each item goes through. */
  readonly flow: Flow
}

export interface Walk {
  readonly end: FlowEnd
  /** Steps to create now, in order. */
  readonly create: readonly NextStep[]
  /** Steps whose inner steps have all ended, so they can continue. */
  readonly join: readonly string[]
  /** Loops whose first item is to begin now. */
  readonly loops: readonly LoopBegin[]
  /** The commit that each step begins at, for the steps reached so far. */
  readonly bases: ReadonlyMap<string, string | null>
  /** The commit that the whole workflow has reached. */
  readonly tip: string | null
}

type Rows = ReadonlyMap<string, Pick<TaskRow, 'handle' | 'status' | 'phase' | 'state'>>

interface Walker {
  readonly rows: Rows
  readonly create: NextStep[]
  readonly join: string[]
  readonly loops: LoopBegin[]
  readonly bases: Map<string, string | null>
}

function walkerOf(tasks: readonly TaskRow[]): Walker {
  return { rows: new Map(tasks.map((task) => [task.handle, task])), create: [], join: [], loops: [], bases: new Map() }
}

/** Walks the whole workflow. `base` is the commit at which it begins. */
export function walk(definition: Definition, tasks: readonly TaskRow[], base: string | null): Walk {
  const walker = walkerOf(tasks)
  const { end, tip } = walkFlow(walker, definition.flow, '', base)
  return { end, tip, create: walker.create, join: walker.join, loops: walker.loops, bases: walker.bases }
}

interface Walked {
  readonly end: FlowEnd
  readonly tip: string | null
}

function walkFlow(walker: Walker, flow: Flow, prefix: string, base: string | null): Walked {
  const visits = new Map<string, number>()
  let output: unknown = null
  let tip = base
  for (let id = flow.start; id !== END;) {
    const state = flow.states.find((one) => one.id === id)
    if (!state) throw new Error(`no state ${id} in ${prefix}`)
    const n = (visits.get(id) ?? 0) + 1
    visits.set(id, n)
    const handle = handleOf(prefix, id, n)
    walker.bases.set(handle, tip)
    const row = walker.rows.get(handle)
    if (!row) {
      walker.create.push({ handle, state })
      return { end: { kind: 'open' }, tip }
    }
    const { result } = stateOf(row)
    if (row.status !== 'done' || result === null) return { end: unfinished(walker, state, row), tip }
    tip = result.tip ?? tip
    if (result.kind === 'failed') return { end: { kind: 'failed', error: result.error, tip }, tip }
    // A switch only decides where to go; its output is not the list's.
    if (state.type !== 'switch') output = result.output
    id = result.next
  }
  return { end: { kind: 'done', output, tip }, tip }
}

function unfinished(
  walker: Walker,
  state: State,
  row: Pick<TaskRow, 'handle' | 'status' | 'phase' | 'state'>,
): FlowEnd {
  if (row.status === 'blocked' || row.status === 'cancelled') return { kind: 'stuck' }
  // While the step itself is running, nothing begins inside it: its time may be over.
  if (row.phase !== 'join' || row.status !== 'suspended' || !isComposite(state)) return { kind: 'open' }
  const inside = walkInside(walker, state, row)
  if (inside.end.kind === 'open' || inside.end.kind === 'stuck') return inside.end
  walker.join.push(row.handle)
  return { kind: 'open' }
}

/** What the steps inside a state have reached. */
export interface Inside {
  readonly end: FlowEnd
  /** The last commits of the lines of work to merge: of parallel branches, and of items that ran in parallel. */
  readonly lines: readonly { readonly name: string; readonly tip: string | null }[]
  /** For a `try`: why its body failed. */
  readonly error: StepFailure | null
}

/** Like `walk`, for the inside of one step. */
export function insideOf(tasks: readonly TaskRow[], state: Composite, row: Pick<TaskRow, 'handle' | 'state'>): Inside {
  return walkInside(walkerOf(tasks), state, row)
}

function walkInside(walker: Walker, state: Composite, row: Pick<TaskRow, 'handle' | 'state'>): Inside {
  const { base, items, tries } = stateOf(row)
  const at = { handle: row.handle, tries }
  switch (state.type) {
    case 'parallel': {
      const lines = state.branches.map(({ name, flow }) => ({
        name,
        ...walkFlow(walker, flow, innerPrefix(row.handle, name, tries), base),
      }))
      return together(lines, (outputs) => Object.fromEntries(lines.map(({ name }, i) => [name, outputs[i]])), base)
    }
    case 'foreach':
      return walkItems(walker, state, at, items?.length ?? 0, base)
    case 'try':
      return walkTry(walker, state, at, base)
  }
}

type Line = Walked & { readonly name: string }

interface Try {
  readonly handle: string
  /** How many tries failed before this one. */
  readonly tries: number
}

/** All lines done: their outputs. One failed: the first failure, once nothing in the other lines is open. */
function together(lines: readonly Line[], outputOf: (outputs: unknown[]) => unknown, base: string | null): Inside {
  const kinds = new Set(lines.map(({ end }) => end.kind))
  const found = lines.map(({ name, tip }) => ({ name, tip }))
  const failed = lines.map(({ end }) => end).find((end) => end.kind === 'failed')
  const end: FlowEnd = kinds.has('open')
    ? { kind: 'open' }
    : kinds.has('stuck')
      ? { kind: 'stuck' }
      : failed
        ? { ...failed, tip: base }
        : {
            kind: 'done',
            output: outputOf(lines.map((line) => (line.end.kind === 'done' ? line.end.output : null))),
            tip: base,
          }
  return { end, lines: found, error: null }
}

/** Items that run one at a time begin where the previous one ended; parallel items all begin where the loop did. */
function walkItems(
  walker: Walker,
  state: Extract<Composite, { type: 'foreach' }>,
  { handle, tries }: Try,
  count: number,
  base: string | null,
): Inside {
  const serial = state.maxConcurrency === 1
  const lines: Line[] = []
  let tip = base
  let atWork = 0
  let failed = false
  let begunAll = true
  for (let i = 0; i < count; i++) {
    const prefix = innerPrefix(handle, String(i), tries)
    const begun = walker.rows.has(handleOf(prefix, state.flow.start, 1))
    if (i === 0 && !begun) walker.loops.push({ handle, items: count, flow: state.flow })
    if (!begun && (failed || atWork >= state.maxConcurrency)) {
      begunAll = false
      continue
    }
    const walked = walkFlow(walker, state.flow, prefix, serial ? tip : base)
    lines.push({ name: String(i), ...walked })
    if (serial) tip = walked.tip
    if (walked.end.kind === 'open' || walked.end.kind === 'stuck') atWork += 1
    if (walked.end.kind === 'failed' || walked.end.kind === 'stuck') failed = true
  }
  const found = together(lines, (outputs) => outputs, serial ? tip : base)
  const waits = !begunAll && found.end.kind === 'done'
  return { ...found, end: waits ? { kind: 'open' } : found.end, lines: serial ? [] : found.lines }
}

function walkTry(walker: Walker, state: TryState, { handle, tries }: Try, base: string | null): Inside {
  const body = walkFlow(walker, state.flow, innerPrefix(handle, 'try', tries), base)
  let { end, tip } = body
  const error = end.kind === 'failed' ? end.error : null
  if (error !== null) {
    const at = state.handlers.findIndex(({ on }) => on === null || on.includes(error.code))
    const handler = state.handlers[at]
    if (handler) {
      const prefix = innerPrefix(handle, `catch${at === 0 ? '' : at + 1}`, tries)
      ;({ end, tip } = walkFlow(walker, handler.flow, prefix, tip))
    }
  }
  if (end.kind === 'open' || end.kind === 'stuck' || state.finally === null)
    return { end: withTip(end, tip), lines: [], error }
  const last = walkFlow(walker, state.finally, innerPrefix(handle, 'finally', tries), tip)
  if (last.end.kind !== 'done') return { end: withTip(last.end, last.tip), lines: [], error }
  return { end: withTip(end, last.tip), lines: [], error }
}

function withTip(end: FlowEnd, tip: string | null): FlowEnd {
  return end.kind === 'done' || end.kind === 'failed' ? { ...end, tip } : end
}
