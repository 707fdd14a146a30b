export { createEngineAgent } from './agent.ts'
export { engineAgent, localDeps } from './local.ts'
export { NO_SETTINGS, type EngineDeps, type EngineHistory, type EngineSettings } from './deps.ts'
