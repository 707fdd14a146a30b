export { createEngineAgent } from './agent.ts'
export { engineAgent, localDeps } from './local.ts'
