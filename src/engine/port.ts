/**
 * What the parts of Belay's own agent are to each other. The loop (loop.ts) owns the conversation and calls tools; a tool knows
 * only its context; the history is kept by whoever owns the session.
 */
import type { ZodType } from 'zod'
import type { CommandPolicy } from '../policy/port.ts'
import type { Sandbox } from '../sandbox/port.ts'

/** What came of a tool call. `text` is for the model and already capped. */
export interface ToolResult {
  readonly text: string
  readonly isError: boolean
  /** Exit code, if the tool ran a command; otherwise null. */
  readonly exitCode: number | null
  /** Paths that the tool changed, relative to the workspace; they become file_change items. */
  readonly changed: readonly string[]
  /** Absolute host path of the complete output, if `text` was cut; otherwise null. */
  readonly fullOutput: string | null
}

/** Everything that a tool may use. */
export interface ToolContext {
  readonly sandbox: Sandbox
  /** Absolute host path. Relative paths that the model names are resolved against it. */
  readonly workspace: string
  /** Host paths outside the workspace that read-only tools may read (skills, memory files). */
  readonly readable: readonly string[]
  /** The complete environment of commands. */
  readonly env: Readonly<Record<string, string>>
  readonly policy: CommandPolicy
  /** Folder outside the workspace for complete outputs and the session's task list. */
  readonly store: string
  /** Environment mark by which processes that a tool starts are found again after a crash. */
  readonly mark: string
  readonly signal: AbortSignal
}

/** What policy says about one call. For `ask`, a person is shown the call's title and `reason`. */
export interface ToolDemand {
  readonly decision: 'allow' | 'ask' | 'deny'
  readonly reason: string
}

/**
 * One tool. `input` is the only source of its JSON schema, for the model, the docs, the policy and the chat. `run` does not
 * throw for a mistake of the model: that is a result with `isError`.
 */
export interface Tool<Input = unknown> {
  readonly name: string
  /** For the model: what the tool does, its limits, and when to use another one. */
  readonly description: string
  readonly input: ZodType<Input>
  /** Neighbouring reads of one answer run side by side; writes run one after the other, in the order of the answer. */
  readonly effect: 'read' | 'write'
  /** One line for people: `bash: npm test`. */
  title(input: Input): string
  /**
   * The part of the input that must be equal for two calls to count as the same, once a person has allowed one of them for the
   * rest of the conversation. Absent: all of it.
   */
  same?(input: Input): unknown
  /** What policy says about this call, before it runs. Has no side effects. */
  demand(input: Input, context: ToolContext): Promise<ToolDemand>
  run(input: Input, context: ToolContext): Promise<ToolResult>
}

/** Lossless, append-only history of one conversation. An entry is JSON, and opaque to whoever keeps it. */
export interface History {
  /** All entries from the beginning, oldest first. */
  load(): Promise<readonly unknown[]>
  /** The entry is durable when this resolves. Entries never change. */
  append(entry: unknown): Promise<void>
}
