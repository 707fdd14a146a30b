import type { Source } from '../../sources/port.ts'
import type { MoveJournal } from '../../git/moves.ts'
import type { GateSpec } from '../../gates/port.ts'
import type { KeptProcess, ProcessSpec } from '../../process/index.ts'
import type { RecordStore, RunRow, TaskRow } from '../../record/index.ts'
import type { WorkspacePool } from '../../workspace/pool.ts'
import type { WorkspaceKeeper } from './workspaces.ts'
import type { Budget } from '../shared/budget.ts'
import type { RoleSetup } from '../shared/role.ts'
import type { Landing } from './landing.ts'

export interface DirectSettings {
  readonly maxIterations: number
  readonly allowEmpty: readonly string[]
  readonly gates: readonly GateSpec[]
  readonly protectedGlobs: readonly string[]
  readonly acceptRedBaseline: boolean
  readonly allowAbsentGates: boolean
  readonly sign: boolean
}

/** Starts gates in their sandbox; `spawn` is undefined where gates run unconfined. */
export interface GateSandbox {
  readonly spawn: ((spec: ProcessSpec) => Promise<KeptProcess>) | undefined
  close(): Promise<void>
}

/** What the phases of the direct program work with; one per run. */
export interface DirectServices {
  readonly record: RecordStore
  readonly project: string
  readonly run: RunRow
  /** The user's checkout. */
  readonly root: string
  readonly commonDir: string
  /** The source as it was when the run began. */
  readonly source: Source
  /** The source as it was when this task was read from it. */
  sourceOf(task: TaskRow): Promise<Source>
  readonly settings: DirectSettings
  readonly roles: { readonly implementer: RoleSetup; readonly reviewer: RoleSetup }
  readonly pool: WorkspacePool
  readonly workspaces: WorkspaceKeeper
  readonly budget: Budget
  readonly landing: Landing
  readonly moves: MoveJournal
  /** Environment of gates and setup commands. */
  readonly gateEnv: Readonly<Record<string, string>>
  /** Opens the gates' sandbox for the folder `workspace`; `write` lists further folders that they must be able to write to. */
  confine(workspace: string, write: readonly string[], signal: AbortSignal): Promise<GateSandbox>
  /** Folder for the run's temporary files. */
  readonly scratch: string
  /** Folder for session files. */
  readonly sessions: string
  /** The object that the task's epoch ref must point to when one of its refs is moved (see git/refs.ts). */
  readonly epochMark: (handle: string) => string
}
