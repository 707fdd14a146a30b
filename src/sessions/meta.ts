import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Access } from '../core/words.ts'
import type { PolicyConfig } from '../policy/index.ts'
import type { Network } from '../sandbox/port.ts'
import { writeWhole } from './files.ts'

/** The repository of a session that has a workspace of its own. */
export interface SessionRepository {
  /** Without user and password; null: a worktree of the user's own repository. */
  readonly url: string | null
  /** Root of the repository whose worktree the workspace is; null for a clone. */
  readonly root: string | null
  readonly branch: string | null
  /** Commit at which the session began. */
  readonly base: string | null
}

/** What the agent of a turn may do. */
export interface Confinement {
  readonly access: Access
  /** Name of a sandbox backend; null: the agent's own, or the default. */
  readonly sandbox: string | null
  readonly network: Network | null
}

/** What is known about a session without reading its lines. */
export interface SessionMeta {
  readonly id: string
  readonly createdAt: string
  readonly lastUsedAt: string
  /** Number of turns that were started. */
  readonly turns: number
  readonly provider: string | null
  readonly model: string | null
  /** Working folder of the last turn. */
  readonly cwd: string | null
  /** The first prompt, for lists. */
  readonly title: string | null
  /** The session's own workspace, removed with it; null: it works in the user's folders. */
  readonly workspace: string | null
  readonly repository: SessionRepository | null
  /** How several agents work together in the session; null: they do not. */
  readonly collaboration: 'sequential' | 'parallel' | null
  /** The session that this one is a parallel part of; null: none. */
  readonly parent: string | null
  /**
   * The command policy at creation, which later configuration does not change; null: the built-in one. Absent in older
   * sessions.
   */
  readonly policy?: PolicyConfig | null
  /** What the last turn was allowed to do; the default for the next one. Absent in older sessions. */
  readonly confinement?: Confinement
  /** Whether this part's branch was merged into its parent's. */
  readonly merged: boolean
}

const FILE = 'session.json'

/** A session's metadata; null: the folder has none, or it cannot be parsed. */
export async function readMeta(folder: string): Promise<SessionMeta | null> {
  try {
    const found = JSON.parse(await readFile(join(folder, FILE), 'utf8')) as SessionMeta
    return typeof found.id === 'string' ? found : null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return null
    throw error
  }
}

export async function writeMeta(folder: string, meta: SessionMeta): Promise<void> {
  await writeWhole(join(folder, FILE), `${JSON.stringify({ schema: 1, ...meta }, null, 2)}\n`)
}
