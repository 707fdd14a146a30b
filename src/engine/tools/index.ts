export { createTools, type ToolsOptions } from './registry.ts'
export { toolSchema } from './schema.ts'
