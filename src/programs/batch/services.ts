import type { Reason } from '../../core/words.ts'
import type { RunRow } from '../../record/index.ts'
import type { Expectation } from '../shared/ask.ts'
import type { ConversationServices } from '../shared/services.ts'
import type { RoleSetup } from '../shared/role.ts'
import type { ResultsFile } from './results.ts'

export interface BatchSettings {
  /** What is wanted for every file. */
  readonly prompt: string
  readonly maxAttempts: number
  /** In bytes; larger files are not sent. */
  readonly maxFileSize: number
  /** Digest of prompt and schema; kept beside each result. */
  readonly question: string
}

/** What one file's turn revealed about the agent; shared by all files. */
export interface AgentState {
  /** Why the agent cannot be used at all (not installed, not logged in). */
  unusable: Reason | null
  /** Until when (ms since the epoch) the agent must not be asked, and why. */
  quota: { readonly until: number; readonly reason: Reason } | null
}

/** What the phases of the batch program work with; one per run. */
export interface BatchServices extends ConversationServices {
  readonly run: RunRow
  /** Folder of the configuration file, which paths are relative to. Absolute, without symbolic links. */
  readonly root: string
  readonly settings: BatchSettings
  readonly role: RoleSetup
  readonly expected: Expectation<{ readonly output: unknown }>
  readonly results: ResultsFile
  /** Folder for the run's temporary files. */
  readonly scratch: string
  readonly agent: AgentState
}
