export { commandAgent } from './agent.ts'
