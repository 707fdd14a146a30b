import type { RunRow, TaskRow } from '../../record/index.ts'
import type { AgentState, Definition, State } from '../../workflows/index.ts'
import type { Scope } from '../../workflows/expressions/index.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import type { RoleConfig } from '../../config/index.ts'
import type { ConversationServices } from '../shared/services.ts'
import type { RoleSetup } from '../shared/role.ts'
import { levelOf, type Level } from './handles.ts'
import { scopeOf } from './context.ts'

/** Where an agent works during one try of a step. */
export interface StepPlace {
  readonly cwd: string
  /** Added to the agent's environment. */
  readonly env: Readonly<Record<string, string>>
  /** Ends the agent's remaining processes, restores what it must not change, and keeps its work. */
  finish(summary: string): Promise<Finished>
  /** Like `finish` for a turn without a usable result: the work is not kept. */
  discard(): Promise<void>
}

export interface Finished {
  /** The commit with the work; null: there is no repository. */
  readonly tip: string | null
  readonly files: readonly string[]
  /** What the agent changed without permission; fails the try. */
  readonly tampered: readonly string[]
}

export type Joined = { readonly tip: string | null } | { readonly conflict: string }

/** Where the agents of a run work. */
export interface StepPlaces {
  readonly kind: 'repository' | 'directory' | 'own-directory'
  /** The place for a step that begins at `base`. Repeated after a crash, it does not show that it was called before. */
  begin(context: Context, base: string | null, access: RoleConfig['access']): Promise<StepPlace>
  /** Merges lines of work, one after the other. */
  join(
    context: Context,
    base: string | null,
    lines: readonly { readonly name: string; readonly tip: string | null }[],
  ): Promise<Joined>
}

/** What the phases of the workflow program work with; one per run. */
export interface WorkflowServices extends ConversationServices {
  readonly run: RunRow
  readonly definition: Definition
  readonly input: unknown
  readonly places: StepPlaces
  /** The steps of the run as they are now. */
  steps(): Promise<readonly TaskRow[]>
  setUp(state: AgentState): RoleSetup
}

export type Context = PhaseContext<WorkflowServices>

/** Where a step is in the workflow, with its state. */
export function stepLevel({ task, services }: Pick<Context, 'task' | 'services'>): Level {
  return levelOf(services.definition, task.handle)
}

/** The state of a step, which must be of the given type (anything else is a bug). */
export function stateOfType<T extends State['type']>(context: Context, type: T): Extract<State, { type: T }> {
  const { state } = stepLevel(context)
  if (state.type !== type) throw new Error(`step ${context.task.handle} is no ${type}`)
  return state as Extract<State, { type: T }>
}

/** What the step's expressions can refer to. */
export async function stepScope({ task, services }: Context): Promise<Scope> {
  const { definition, input, run } = services
  return scopeOf({ definition, input, run: run.id, tasks: await services.steps() }, task.handle)
}
