export { advance, claimTask, type Claim, type RunScope, type Step, type TaskTransition } from './advance.ts'
export { drawMermaid, drawProgram } from './draw.ts'
export {
  buildProgram,
  isEnd,
  type Phase,
  type PhaseContext,
  type PhaseResult,
  type Program,
  type Target,
} from './program.ts'
