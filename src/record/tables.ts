import type { Generated } from 'kysely'

/** The tables as Kysely sees them. Columns marked as JSON hold JSON text; times are ISO 8601 in UTC. */
export interface Tables {
  projects: { id: string; root: string; created_at: string }
  events: {
    seq: Generated<number>
    time: string
    type: string
    version: number
    project: string | null
    run: string | null
    task: string | null
    session: string | null
    actor: string
    data: string // JSON
  }
  runs: {
    id: string
    project: string
    program: string
    status: string
    reason_code: string | null
    reason_message: string | null
    source: string // JSON
    target: string | null
    base: string
    result_branch: string
    landed: number | null
    finish_command: string | null
    options: string // JSON
    config: string // JSON
    wake_at: string | null
    worked_ms: Generated<number>
    created_at: string
    updated_at: string
    ended_at: string | null
  }
  tasks: {
    run: string
    handle: string
    position: number
    title: string
    definition: string // JSON
    status: string
    phase: string | null
    attempt: Generated<number>
    extra_attempts: Generated<number>
    crashes: Generated<number>
    faults: Generated<number>
    epoch: Generated<number>
    state: string // JSON
    reason_code: string | null
    reason_message: string | null
    commit_id: string | null
    branch: string | null
    wake_at: string | null
    phase_started_at: string | null
    created_at: string
    updated_at: string
  }
  attempts: {
    run: string
    task: string
    round: Generated<number>
    n: number
    started_at: string
    ended_at: string | null
    outcome: string | null
    session: string | null
  }
  artifacts: {
    id: Generated<number>
    run: string
    task: string
    kind: string
    phase: string
    attempt: number
    data: string // JSON
    created_at: string
  }
  checkpoints: {
    id: string
    run: string
    task: string
    kind: string
    question: string
    options: string // JSON
    context: string // JSON
    status: string
    answer: string | null
    note: string | null
    answered_by: string | null
    created_at: string
    closed_at: string | null
  }
  sessions: {
    id: string
    run: string
    task: string
    role: string
    provider: string
    model: string | null
    native: string | null
    cwd: string
    attempt: number
    status: string
    input_tokens: Generated<number>
    output_tokens: Generated<number>
    cost_usd: number | null
    cost_kind: string
    created_at: string
    ended_at: string | null
  }
  leases: {
    key: string
    token: string
    epoch: number
    host: string
    boot: string
    pid: number
    start_time: string
    purpose: string
    expires_at: string
  }
  baselines: { key: string; project: string; gate: string; tree: string; data: string; created_at: string }
  workspaces: {
    path: string
    project: string
    run: string
    purpose: string
    task: string | null
    state: string // JSON
    created_at: string
  }
  intents: { key: string; run: string; data: string; created_at: string }
  outages: {
    run: string
    key: string
    role: string
    agent: string
    code: string
    message: string
    until: string | null
    named: number
    times: number
    session: string | null
    created_at: string
  }
  outbox: {
    id: Generated<number>
    key: string
    run: string
    kind: string
    payload: string // JSON
    tries: Generated<number>
    error: string | null
    created_at: string
    done_at: string | null
  }
}
