/** The words of Belay as types: statuses and roles used in the record, the CLI, the API and the docs. */

export const TASK_STATUSES = [
  'queued',
  'running',
  'waiting',
  'suspended',
  'blocked',
  'replan',
  'skipped',
  'done',
  'cancelled',
] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

export const RUN_STATUSES = [
  'running',
  'waiting',
  'suspended',
  'blocked',
  'replan',
  'cancelled',
  'failed',
  'interrupted',
  'done',
] as const
export type RunStatus = (typeof RUN_STATUSES)[number]

export type Role = 'implementer' | 'reviewer' | 'batch' | 'step'
/** How much an agent may do to the machine. `full`: as the user; no limit but the command policy. */
export type Access = 'read-only' | 'workspace-write' | 'full'

export type Severity = 'low' | 'medium' | 'high'

/** Why something is as it is: a stable code for programs, a sentence for people. */
export interface Reason {
  readonly code: string
  readonly message: string
}

/** A cost is what an agent reported, what a dated price table gives, or not known (never zero by default). */
export type CostKind = 'reported' | 'estimated' | 'unknown'

/** What a turn consumed. Tokens are counts; `costUsd` is null when nobody knows it. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costUsd: number | null
  /** Of `inputTokens`: how many the provider read from its cache, and how many it wrote to it. Absent: nobody said. */
  readonly cacheReadTokens?: number
  readonly cacheWriteTokens?: number
}
