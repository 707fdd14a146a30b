export { agentMark, isMarkOf, type Move } from './evidence.ts'
export {
  compareAndUndo,
  settleDeadTurns,
  takeSnapshot,
  type GuardReport,
  type GuardRequest,
  type Ours,
  type Snapshot,
} from './guard.ts'
export { retireJournal } from './ledger.ts'
export type { IsOurs } from './looking.ts'
export type { Finding, FindingKind, GuardedWorkspace } from './state.ts'
