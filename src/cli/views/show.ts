import type { CostKind } from '../../core/words.ts'
import { totalCost } from '../../programs/shared/budget.ts'
import { stateOf, type Finding } from '../../programs/direct/state.ts'
import {
  holderOf,
  listArtifacts,
  listAttempts,
  listCheckpoints,
  listSessions,
  listTasks,
  readEvents,
  type CheckpointRow,
  type RecordedEvent,
  type RecordStore,
  type SessionRow,
} from '../../record/index.ts'
import { expiredAt } from '../../runs/answers.ts'
import { runLease } from '../../runs/lease-keys.ts'
import { wantedTasks } from '../../runs/outcome.ts'
import type { TaskChoice } from '../session.ts'
import { evidenceView, type EvidenceView } from './evidence.ts'
import { taskView, type TaskView } from './status.ts'
import { whyTask } from './why.ts'

/** What `belay show --json` prints. */
export interface ShowView {
  readonly task: ShownTask
  readonly attempts: readonly {
    readonly n: number
    readonly started_at: string
    readonly ended_at: string | null
    readonly outcome: string | null
    readonly session: string | null
  }[]
  readonly evidence: readonly EvidenceView[]
  readonly findings: readonly Finding[]
  readonly artifacts: readonly {
    readonly id: number
    readonly kind: string
    readonly phase: string
    readonly attempt: number
    readonly created_at: string
    readonly data: unknown
  }[]
}

export interface ShownTask extends TaskView {
  readonly run: string
  readonly cost_kind: CostKind
  /** Why the task is done, or why not. */
  readonly why: string
  /** The command that continues the task; null: nothing needs to be done. */
  readonly next: string | null
  readonly depends_on: readonly { readonly handle: string; readonly kind: string }[]
  readonly criteria: readonly string[]
  readonly subject: string
  readonly sessions: readonly SessionView[]
  readonly checkpoints: readonly CheckpointView[]
  readonly failovers: readonly FailoverView[]
}

/** A turn that a failover agent took, and why. */
export interface FailoverView {
  readonly attempt: number
  readonly role: string
  readonly from: string
  readonly to: string
  readonly reason: { readonly code: string; readonly message: string }
  /** When the first agent is back; null: when the run is resumed. */
  readonly until: string | null
  readonly session: string | null
}

export interface SessionView {
  readonly id: string
  readonly role: string
  readonly provider: string
  readonly model: string | null
  readonly native: string | null
  readonly attempt: number
  readonly status: string
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number | null
  readonly cost_kind: CostKind
  readonly started_at: string
  readonly ended_at: string | null
}

export interface CheckpointView {
  readonly id: string
  readonly kind: string
  readonly question: string
  readonly options: readonly string[]
  readonly status: string
  readonly answer: string | null
  readonly note: string | null
  readonly created_at: string
  readonly closed_at: string | null
}

/** Everything that is known about one task. */
export async function showView(record: RecordStore, { run, task, ref }: TaskChoice): Promise<ShowView> {
  const sessions = await listSessions(record.read, run.id, task.handle)
  const artifacts = await listArtifacts(record.read, run.id, task.handle)
  const questions = (await listCheckpoints(record.read, { runs: [run.id] })).filter((one) => one.task === task.handle)
  const all = await listTasks(record.read, run.id)
  const status = new Map(all.map((one) => [one.handle, one.status]))
  const { until } = run.options
  const why = whyTask({
    run,
    task,
    ref,
    waitsFor: task.definition.dependsOn
      .map(({ handle }) => ({ handle, status: status.get(handle) ?? 'queued' }))
      .filter((one) => one.status !== 'done'),
    wanted: wantedTasks(all, typeof until === 'string' ? until : null).some((one) => one.handle === task.handle),
    question: questions.find((one) => one.status === 'open') ?? null,
    holder: await holderOf(record, runLease(run.id)),
    now: record.clock.now(),
  })
  const failovers = await readEvents(record.read, { run: run.id, task: task.handle, type: 'item.failover' })
  const cost = totalCost(sessions)
  return {
    task: {
      run: run.id,
      ...taskView(task, cost.usd),
      cost_kind: cost.kind,
      why: why.sentence,
      next: why.next,
      depends_on: task.definition.dependsOn,
      criteria: task.definition.criteria,
      subject: task.definition.subject,
      sessions: sessions.map(sessionView),
      checkpoints: questions.map((one) => checkpointView(one, record.clock.now())),
      failovers: failovers.map(failoverView),
    },
    attempts: (await listAttempts(record.read, run.id, task.handle)).map((one) => ({
      n: one.n,
      started_at: one.startedAt,
      ended_at: one.endedAt,
      outcome: one.outcome,
      session: one.session,
    })),
    evidence: artifacts.filter((one) => one.kind === 'evidence').map(evidenceView),
    findings: stateOf(task).findings,
    artifacts: artifacts
      .filter((one) => one.kind !== 'evidence')
      .map(({ id, kind, phase, attempt, createdAt, data }) => ({
        id,
        kind,
        phase,
        attempt,
        created_at: createdAt,
        data: withoutEvidence(data),
      })),
  }
}

/** Leaves out evidence, which has a field of its own: otherwise all output would be there twice. */
function withoutEvidence(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || !('evidence' in data)) return data
  const { evidence: _, ...rest } = data
  return rest
}

function failoverView({ data, session }: RecordedEvent): FailoverView {
  const { attempt, role, from, to, reason, until } = data as unknown as Omit<FailoverView, 'session' | 'until'> & {
    readonly until?: string | null // absent in events of an older Belay
  }
  return { attempt, role, from, to, reason, until: until ?? null, session }
}

function sessionView(session: SessionRow): SessionView {
  return {
    id: session.id,
    role: session.role,
    provider: session.provider,
    model: session.model,
    native: session.native,
    attempt: session.attempt,
    status: session.status,
    input_tokens: session.inputTokens,
    output_tokens: session.outputTokens,
    cost_usd: session.costUsd,
    cost_kind: session.costKind,
    started_at: session.createdAt,
    ended_at: session.endedAt,
  }
}

function checkpointView(question: CheckpointRow, now: number): CheckpointView {
  return {
    id: question.id,
    kind: question.kind,
    question: question.question,
    options: question.options,
    status: expiredAt(question, now) === null ? question.status : 'expired',
    answer: question.answer,
    note: question.note,
    created_at: question.createdAt,
    closed_at: question.closedAt,
  }
}
