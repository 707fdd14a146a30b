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

/** Starts gates where they are confined; `spawn` is undefined where they run as the user does. */
export interface GateSandbox {
  readonly spawn: ((spec: ProcessSpec) => Promise<KeptProcess>) | undefined
  close(): Promise<void>
}

/** What the phases of the direct program work with: one per run. */
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
  /** Environment of gates and setup. */
  readonly gateEnv: Readonly<Record<string, string>>
  /** Opens the sandbox of gates over a folder, with what else they must be able to write. */
  confine(workspace: string, write: readonly string[], signal: AbortSignal): Promise<GateSandbox>
  /** Folder for temporary files of the run. */
  readonly scratch: string
  /** Folder of session files. */
  readonly sessions: string
  /** Object that ref moves for this task must verify (see git/refs.ts). */
  readonly epochMark: (handle: string) => string
}
