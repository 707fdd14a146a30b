export { baselineKey, baselineStops, classifyBaseline, type GateBaseline, type StopOptions } from './baseline.ts'
export { runCommand, shellArgv, type CommandOutcome, type CommandSpec } from './command.ts'
export type { TreeFiles } from './files.ts'
export { judge, lostTests, type Judgement, type JudgeOptions } from './judge.ts'
export type { CountsSource, Evidence, GateResult, GateSpec, TestCase, TestCounts, TestReport } from './port.ts'
export {
  baseOverlay,
  changedProtected,
  type OverlayFile,
  type ProtectedChange,
  type ProtectedKind,
} from './protected.ts'
export { redExpected, type RedExpected } from './red-expected.ts'
export { runGate, type RunGateOptions } from './run.ts'
