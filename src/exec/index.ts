export { exitOf, statusOf, type ExecStatus, type TurnResult } from './result.ts'
export { openExec, type Exec, type ExecOptions } from './open.ts'
export { execTurn, type ExecLimits, type TurnInput, type TurnSetup } from './turn.ts'
