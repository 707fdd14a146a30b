import type { RecordStore } from '../../record/index.ts'
import type { Budget } from './budget.ts'

/** What a conversation needs from its program's services. */
export interface ConversationServices {
  readonly record: RecordStore
  readonly project: string
  readonly run: { readonly id: string }
  readonly budget: Budget
  /** Folder for session files. */
  readonly sessions: string
}
