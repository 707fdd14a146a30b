export { startModelServer } from './server.ts'
export type { ModelRequest, ModelServer, ModelServerOptions, Reply, Route, Step } from './types.ts'
