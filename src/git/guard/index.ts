export { agentMark, isMarkOf } from './evidence.ts'
export {
  compareAndUndo,
  settleDeadTurns,
  takeSnapshot,
  type GuardReport,
  type GuardRequest,
  type Ours,
} from './guard.ts'
export { retireJournal } from './ledger.ts'
