import { sql } from 'kysely'
import type { Reader, Writer } from './record.ts'

/** What a phase produced. */
export interface NewArtifact {
  readonly kind: string
  readonly data: unknown
  /** The phase that it belongs to; absent: the phase that stores it. */
  readonly phase?: string
}

export interface ArtifactRow extends NewArtifact {
  readonly id: number
  readonly phase: string
  readonly attempt: number
  readonly createdAt: string
}

/** Stores artifacts in the caller's transaction. */
export async function insertArtifacts(
  tx: Writer,
  owner: { readonly run: string; readonly task: string; readonly phase: string; readonly attempt: number },
  now: string,
  artifacts: readonly NewArtifact[],
): Promise<void> {
  for (const artifact of artifacts) {
    await tx
      .insertInto('artifacts')
      .values({
        ...owner,
        phase: artifact.phase ?? owner.phase,
        kind: artifact.kind,
        data: JSON.stringify(artifact.data),
        created_at: now,
      })
      .execute()
  }
}

/** Artifacts of a task, oldest first; only those of `kind`, if given. */
export async function listArtifacts(db: Reader, run: string, task: string, kind?: string): Promise<ArtifactRow[]> {
  let query = db.selectFrom('artifacts').selectAll().where('run', '=', run).where('task', '=', task).orderBy('id')
  if (kind !== undefined) query = query.where('kind', '=', kind)
  const rows = await query.execute()
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    phase: row.phase,
    attempt: row.attempt,
    createdAt: row.created_at,
    data: JSON.parse(row.data) as unknown,
  }))
}

/** For each task, the newest artifact of a kind, over all runs of a program on this source (`path` as in RunSource). */
export async function newestOfSource(
  db: Reader,
  of: { readonly project: string; readonly program: string; readonly path: string },
  kind: string,
): Promise<ReadonlyMap<string, ArtifactRow>> {
  const rows = await db
    .selectFrom('artifacts')
    .innerJoin('runs', 'runs.id', 'artifacts.run')
    .selectAll('artifacts')
    .where('runs.project', '=', of.project)
    .where('runs.program', '=', of.program)
    .where(sql`json_extract(runs.source, '$.path')`, '=', of.path)
    .where('artifacts.kind', '=', kind)
    .orderBy('artifacts.id')
    .execute()
  return new Map(
    rows.map((row) => [row.task, { ...row, createdAt: row.created_at, data: JSON.parse(row.data) as unknown }]),
  )
}
