export { variableOf, type FlagValue } from './flags.ts'
export { loadConfig, type LoadOptions, type LoadedConfig } from './load.ts'
export {
  PROVIDERS,
  PROVIDER_NAMES,
  PROGRAM_NAMES,
  DEFAULT_PROVIDER,
  type Provider,
  type ProviderName,
} from './providers.ts'
export type { Config, RoleConfig } from './resolve.ts'
export type { SandboxConfig } from './sandbox.ts'
export { configJsonSchema, type ConfigInput } from './schema.ts'
export { DEFAULT_TIMEOUTS } from './timeouts.ts'
