/** Belay's vocabulary as types: the statuses, roles and units that the record, the CLI and the docs share. */

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
/** How much of the machine an agent may change. `full`: as much as the user; only the command policy limits it. */
export type Access = 'read-only' | 'workspace-write' | 'full'

export type Severity = 'low' | 'medium' | 'high'

/** Why something has its status: a stable code for programs, a sentence for people. */
export interface Reason {
  readonly code: string
  readonly message: string
}

/** Where a cost comes from: the agent reported it, it was computed from a dated price table, or it is unknown (never zero). */
export type CostKind = 'reported' | 'estimated' | 'unknown'

/** What a turn consumed, in tokens and US dollars (null: unknown). */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costUsd: number | null
  /** How many of `inputTokens` the provider read from its cache, and how many it wrote to it. Absent: not reported. */
  readonly cacheReadTokens?: number
  readonly cacheWriteTokens?: number
}
