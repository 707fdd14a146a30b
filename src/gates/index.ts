export { baselineKey, baselineStops, classifyBaseline, type GateBaseline, type StopOptions } from './baseline.ts'
export { OUTPUT_LIMIT_BYTES, runCommand, shellArgv, type CommandOutcome, type CommandSpec } from './command.ts'
export { folderFiles, type TreeFiles } from './files.ts'
export { judge, lostTests, type Judgement, type JudgeOptions } from './judge.ts'
export { HEAD_BYTES, TAIL_BYTES } from './output.ts'
export type { CountsSource, Evidence, GateResult, GateSpec, TestCase, TestCounts, TestReport } from './port.ts'
export {
  baseOverlay,
  changedProtected,
  gateScripts,
  type OverlayFile,
  type ProtectedChange,
  type ProtectedKind,
} from './protected.ts'
export { redExpected, type RedExpected } from './red-expected.ts'
export { runGate, type RunGateOptions } from './run.ts'
