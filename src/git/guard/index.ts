export { agentMark, type Move } from './evidence.ts'
export {
  compareAndUndo,
  settleDeadTurns,
  takeSnapshot,
  type GuardReport,
  type GuardRequest,
  type Snapshot,
} from './guard.ts'
export type { IsOurs } from './look.ts'
export type { Finding, FindingKind, GuardedWorkspace } from './state.ts'
