export { runLoop, type LoopModel, type LoopOptions, type LoopReport } from './loop.ts'
export { FINISH_REASONS, type Finish, type FinishReason } from './finish.ts'
export type { Emit, LoopEvent, Progress } from './events.ts'
export type { Ask, AskAnswer, Asker } from './calls/ask.ts'
export type { HookCall, ToolHook } from './calls/hooks.ts'
export { DEFAULT_LIMITS, type Limits } from './limits.ts'
export { memoryHistory } from './history/memory.ts'
export { readEntries, type Entry } from './history/entries.ts'
export { viewOf } from './history/view.ts'
export { systemPrompt, type PromptParts } from './context/prompt.ts'
export { modelCaller, type CallModel } from './model/call.ts'
export { DEFAULT_RETRY, type RetryPolicy } from './model/retry.ts'
export { missingFor, parseModelName, resolveModel, type ResolvedModel } from './model/resolve.ts'
export { MODEL_PROVIDER_NAMES, MODEL_VARIABLES } from './model/providers.ts'
export {
  agentDefinitionNames,
  loadAgentDefinition,
  parseAgentDefinition,
  type AgentDefinition,
} from './definitions/agent.ts'
export { loadMemory, type Memory, type MemoryFile } from './definitions/memory.ts'
export { loadSkills, type Skill, type Skills } from './definitions/skills.ts'
export { placesFor, type Places } from './definitions/places.ts'
