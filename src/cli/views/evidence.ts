import type { ArtifactRow } from '../../record/index.ts'
import type { Evidence, GateResult, TestCounts } from '../../gates/port.ts'
import type { Reason } from '../../core/words.ts'

/** A gate's evidence as `belay show --json` prints it. */
export interface EvidenceView {
  readonly gate: string
  /** `baseline`: on the base, before the change. `verify`: on exactly what would land. */
  readonly phase: string
  readonly attempt: number
  readonly argv: readonly string[]
  readonly exit_code: number | null
  readonly signal: string | null
  readonly timed_out: boolean
  readonly duration_ms: number
  readonly tree: string
  readonly result: GateResult
  readonly reason: Reason | null
  readonly counts: TestCounts | null
  readonly counts_source: string | null
  readonly runner: string | null
  /** Ids of failing tests; null if the runner does not name them. */
  readonly failing: readonly string[] | null
  readonly notes: readonly string[]
  readonly output_head: string
  /** The end of the output; for a short output all of it, the same as the head. */
  readonly output_tail: string
  readonly output_bytes: number
  readonly created_at: string
}

/** Shows an artifact of kind `evidence`. */
export function evidenceView(artifact: ArtifactRow): EvidenceView {
  const seen = artifact.data as Evidence
  const { report } = seen
  return {
    gate: seen.gate,
    phase: artifact.phase,
    attempt: artifact.attempt,
    argv: seen.argv,
    exit_code: seen.exitCode,
    signal: seen.signal,
    timed_out: seen.timedOut,
    duration_ms: seen.durationMs,
    tree: seen.tree,
    result: seen.result,
    reason: seen.reason,
    counts: report?.counts ?? null,
    counts_source: report?.source ?? null,
    runner: report?.runner ?? null,
    failing: report?.failing ?? null,
    notes: seen.notes,
    output_head: seen.outputHead,
    output_tail: seen.outputTail === '' ? seen.outputHead : seen.outputTail,
    output_bytes: seen.outputBytes,
    created_at: artifact.createdAt,
  }
}
