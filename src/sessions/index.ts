export {
  ASK_OPTIONS,
  answerAsk,
  askInSession,
  openAsks,
  type Ask,
  type AskAnswer,
  type AskOption,
  type NewAsk,
} from './asks.ts'
export type { AgentLabel, SessionEntry, StoredEntry, TurnEnding } from './entries.ts'
export { checkSessionId, isSessionId, newSessionId, sessionFolder } from './id.ts'
export type { LockHolder } from './lock.ts'
export type { ReadLog } from './log.ts'
export type { Confinement, SessionMeta, SessionRepository } from './meta.ts'
export { Session } from './session.ts'
export { sizeOf } from './size.ts'
export { SessionStore, describeHolder, type NewSessionMeta, type SessionState } from './store.ts'
export { exportSession, importSession } from './transfer.ts'
