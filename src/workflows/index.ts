export { checkWorkflow } from './check.ts'
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
  type Composite,
  type Definition,
  type Flow,
  type State,
  type TimerState,
  type TryState,
} from './definition.ts'
export { drawWorkflow, drawWorkflowMermaid } from './draw.ts'
export { findWorkflow, listWorkflows, readWorkflow, type WorkflowFile } from './files.ts'
export { isTime } from './flow-checks.ts'
export { issueLine, workflowInvalid } from './issues.ts'
export { workflowJsonSchema } from './schema.ts'
