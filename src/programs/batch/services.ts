import type { Reason } from '../../core/words.ts'
import type { RunRow } from '../../record/index.ts'
import type { Expectation } from '../shared/ask.ts'
import type { ConversationServices } from '../shared/conversation.ts'
import type { RoleSetup } from '../shared/role.ts'
import type { ResultsFile } from './results.ts'

export interface BatchSettings {
  /** What is wanted of every file. */
  readonly prompt: string
  readonly maxAttempts: number
  /** Bytes; larger files are not sent. */
  readonly maxFileSize: number
  /** Digest of what is asked (prompt and schema), kept beside each result. */
  readonly question: string
}

/** What one file's turn has taught about the agent that all files share. */
export interface AgentState {
  /** Why it cannot be used at all (not there, not logged in). */
  unusable: Reason | null
  /** It is of no use to ask it before this time (ms since the epoch). */
  quota: { readonly until: number; readonly reason: Reason } | null
}

/** What the phases of the batch program work with: one per run. */
export interface BatchServices extends ConversationServices {
  readonly run: RunRow
  /** Folder of the configuration: paths are relative to it. Absolute and free of symbolic links. */
  readonly root: string
  readonly settings: BatchSettings
  readonly role: RoleSetup
  readonly expected: Expectation<{ readonly output: unknown }>
  readonly results: ResultsFile
  /** Folder for temporary files of the run. */
  readonly scratch: string
  readonly agent: AgentState
}
