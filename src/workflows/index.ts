export { checkWorkflow, type Checked } from './check.ts'
export {
  END,
  allStates,
  backoffOf,
  flowsOf,
  isComposite,
  isRetried,
  leastSteps,
  type AgentState,
  type ApprovalState,
  type CommonState,
  type Composite,
  type Definition,
  type Flow,
  type ForeachState,
  type ParallelState,
  type State,
  type TimerState,
  type TryState,
} from './definition.ts'
export { drawWorkflow, drawWorkflowMermaid } from './draw.ts'
export { findWorkflow, listWorkflows, readWorkflow, type WorkflowFile } from './files.ts'
export { isTime } from './flow-checks.ts'
export { issueLine, workflowInvalid, type Issue } from './issues.ts'
export { workflowJsonSchema } from './schema.ts'
