export { createEngineAgent } from './agent.ts'
export { engineAgent, localDeps } from './local.ts'
export type { EngineDeps, EngineHistory, EngineSettings } from './deps.ts'
