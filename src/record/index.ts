export { insertArtifacts, listArtifacts, newestOfSource, type ArtifactRow, type NewArtifact } from './artifacts.ts'
export { beginAttempt, closeRound, endAttempt, listAttempts } from './attempts.ts'
export { dropBaselines, getBaseline, putBaseline } from './baselines.ts'
export {
  answerCheckpoint,
  cancelCheckpoints,
  closeCheckpoint,
  findCheckpoint,
  listCheckpoints,
  newestCheckpoint,
  openCheckpoint,
  type CheckpointRow,
  type NewCheckpoint,
} from './checkpoints.ts'
export { EVENT_TYPES } from './event-types.ts'
export { appendEvents, lastSeq, readEvents, type EventFilter, type NewEvent, type RecordedEvent } from './events.ts'
export { stateHome } from '../core/home.ts'
export { dropIntent, getIntent, putIntent } from './intents.ts'
export { assertLease, holderOf, leaseLost, refuseHeld, releaseLease, takeLease, type Lease } from './leases.ts'
export { dropOutage, dropOutages, listOutages, putOutage, type OutageRow } from './outages.ts'
export {
  beginDelivery,
  endDelivery,
  pendingDeliveries,
  queueDeliveries,
  type Delivery,
  type NewDelivery,
} from './outbox.ts'
export { isKnownProject, upsertProject } from './projects.ts'
export { RecordStore, type Reader, type Writer } from './record.ts'
export { changeRun, createRun, findRun, listRuns, setRunConfig, type RunRow, type RunSource } from './runs.ts'
export { keepRenewing } from './renewal.ts'
export { addUsage, changeSession, endSessions, insertSession, listSessions, type SessionRow } from './sessions.ts'
export {
  UNTOUCHED,
  assertEpoch,
  changeTask,
  findTask,
  insertTasks,
  listTasks,
  raiseEpoch,
  type NewTask,
  type TaskChange,
  type TaskDefinition,
  type TaskRow,
} from './tasks.ts'
export { dropWorkspace, listWorkspaces, putWorkspace, type WorkspaceRow } from './workspaces.ts'
