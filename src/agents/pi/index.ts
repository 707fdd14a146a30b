export { piAgent } from './agent.ts'
