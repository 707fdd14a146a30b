export { findCycle } from './cycle.ts'
export { folderFiles, treeFiles } from './files.ts'
export type { FeatureKind } from './layout.ts'
export { openSource } from './open.ts'
export type {
  Dependency,
  DependencyKind,
  PromptParts,
  PromptSection,
  Source,
  SourceFiles,
  SourceTask,
  Tick,
} from './port.ts'
export { resolveSource, type SourcePointer, type SourceRequest } from './resolve.ts'
