import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Access } from '../core/words.ts'
import type { PolicyConfig } from '../policy/index.ts'
import type { Network } from '../sandbox/port.ts'
import { writeWhole } from './files.ts'

/** The repository of a session that has a workspace of its own. */
export interface SessionRepository {
  /** Without user and password; null for a worktree of the user's own repository. */
  readonly url: string | null
  /** Root of the repository that the workspace is a worktree of; null for a clone. */
  readonly root: string | null
  readonly branch: string | null
  /** Commit that the session began at. */
  readonly base: string | null
}

/** How far the agent of a turn may go. */
export interface Confinement {
  readonly access: Access
  /** A backend's name; null: the agent's own, or the default. */
  readonly sandbox: string | null
  readonly network: Network | null
}

/** What is known of a session without reading its lines. */
export interface SessionMeta {
  readonly id: string
  readonly createdAt: string
  readonly lastUsedAt: string
  /** Turns that were begun. */
  readonly turns: number
  readonly provider: string | null
  readonly model: string | null
  /** Where the last turn worked. */
  readonly cwd: string | null
  /** The first prompt, for lists. */
  readonly title: string | null
  /** Workspace of the session's own, removed with it; null when it works in the user's folders. */
  readonly workspace: string | null
  readonly repository: SessionRepository | null
  /** How several agents work together in it; null: they do not. */
  readonly collaboration: 'sequential' | 'parallel' | null
  /** The session that this is a parallel part of. */
  readonly parent: string | null
  /**
   * The command policy that it was opened with, whatever is configured since; null: the built-in one. Not there in older ones.
   */
  readonly policy?: PolicyConfig | null
  /** How far the last turn might go: the next one too, unless it is told otherwise. Not there in older ones. */
  readonly confinement?: Confinement
  /** Whether a part's branch was merged into its parent's. */
  readonly merged: boolean
}

const FILE = 'session.json'

/** A session's metadata, or null when the folder holds none. */
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
