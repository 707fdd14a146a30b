export { describeAgentConformance } from './conformance.ts'
export type { Act, AgentHarness, Asked, Fault, Scene, Step } from './harness.ts'
