/**
 * Belay's own agent: what its parts are to each other. The loop (loop.ts) owns the conversation and calls tools; tools know
 * only their context; the history is whoever keeps the session.
 */
import type { ZodType } from 'zod'
import type { CommandPolicy } from '../policy/port.ts'
import type { Sandbox } from '../sandbox/port.ts'

/** What a tool says: to the model (`text`, already capped) and to people and programs (`details`). */
export interface ToolResult {
  readonly text: string
  readonly isError: boolean
  /** Exit code of a command; null for anything else. */
  readonly exitCode: number | null
  /** Paths (relative to the workspace) that it changed, for file_change items. */
  readonly changed: readonly string[]
  /** Whole output kept aside when `text` was cut: absolute host path. */
  readonly fullOutput: string | null
}

/** What a tool may use. Everything it touches goes through here. */
export interface ToolContext {
  readonly sandbox: Sandbox
  /** Absolute host path; relative paths of the model are relative to it. */
  readonly workspace: string
  /** Host paths beside the workspace that read-only tools may read (skills, memory files). */
  readonly readable: readonly string[]
  /** The whole environment of commands. */
  readonly env: Readonly<Record<string, string>>
  readonly policy: CommandPolicy
  /** Folder outside of the workspace for whole outputs and the session's task list. */
  readonly store: string
  /** Mark of the processes it starts. */
  readonly mark: string
  readonly signal: AbortSignal
}

/** What calling a tool needs before it may run. `ask` goes to the approver with this title. */
export interface ToolDemand {
  readonly decision: 'allow' | 'ask' | 'deny'
  readonly reason: string
}

/**
 * One tool. `input` is the only source of its JSON schema for the model, the docs, the policy and the chat. `run` never throws
 * for what the model did wrong: that is a result with `isError`.
 */
export interface Tool<Input = unknown> {
  readonly name: string
  /** For the model; what the tool does, limits, and when to use another. */
  readonly description: string
  readonly input: ZodType<Input>
  /** Reads of one answer run side by side, anything else one after the other, in the order of the answer. */
  readonly effect: 'read' | 'write'
  /** One line for people: `bash: npm test`. */
  title(input: Input): string
  /**
   * What of the input makes two calls the same for a person who allowed one for the rest of the conversation. Absent: all of it.
   */
  same?(input: Input): unknown
  /** What policy says of this call, before it runs. Pure of effects. */
  demand(input: Input, context: ToolContext): Promise<ToolDemand>
  run(input: Input, context: ToolContext): Promise<ToolResult>
}

/** Lossless, append-only history of one conversation; an entry is JSON and opaque to whoever keeps it. */
export interface History {
  /** All entries from the beginning, oldest first. */
  load(): Promise<readonly unknown[]>
  /** Durable when it resolves; entries are never changed. */
  append(entry: unknown): Promise<void>
}
