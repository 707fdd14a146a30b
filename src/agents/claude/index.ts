export { claudeAgent } from './agent.ts'
