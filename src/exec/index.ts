export { exitOf, statusOf, type ExecStatus, type TurnResult } from './result.ts'
export { openExec, type Exec, type ExecOptions } from './open.ts'
export { HERE, type Isolation } from './place.ts'
export { mergeParts, type MergeReport } from './isolation/parts.ts'
export { removeSession } from './remove.ts'
export {
  WORKSPACE_MODES,
  resolveWorkspace,
  workspacesBase,
  type WorkspaceMode,
  type WorkspaceOwner,
} from './isolation/resolve.ts'
export { execTurn, type ExecLimits, type TurnInput, type TurnSetup } from './turn.ts'
