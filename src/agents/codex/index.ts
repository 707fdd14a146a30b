export { codexAgent } from './agent.ts'
