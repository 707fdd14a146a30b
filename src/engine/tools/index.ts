export { loadMcpServers, type McpServer } from './mcp/config.ts'
export { connectMcp, type McpTools } from './mcp/index.ts'
export { createTools, type ToolsOptions } from './registry.ts'
export { toolSchema } from './schema.ts'
