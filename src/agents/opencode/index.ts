export { opencodeAgent } from './agent.ts'
