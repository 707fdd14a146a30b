export { startModelServer } from './server.ts'
export type {
  ModelMessage,
  ModelRequest,
  ModelServer,
  ModelServerOptions,
  ModelUsage,
  Reply,
  Route,
  Step,
  ToolCall,
} from './types.ts'
