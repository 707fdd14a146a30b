import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { tryGit } from '../git/run.ts'
import { removeWorktree } from '../git/worktrees.ts'
import type { SessionMeta, SessionStore } from '../sessions/index.ts'
import { isDirty, isMerged } from './isolation/parts.ts'
import { isLeftAlone } from './isolation/workspace.ts'

/** How a session is removed. */
export interface Removal {
  /** Remove it even if it is in use, or has work that exists nowhere else. */
  readonly force?: boolean
  /** Only check whether it could be removed. */
  readonly dryRun?: boolean
  /** Refuse (`session_used`) if it was used after this time (ms since the epoch). */
  readonly unusedSince?: number
  /** With `dryRun`: sessions that would be removed before this one. */
  readonly gone?: ReadonlySet<string>
}

/**
 * Removes a session and its workspace; branches of the user's own repository stay. Unless `force` is set, throws `held` if
 * another process uses the session, and `work_unsaved` if its workspace has work that exists nowhere else. Nobody can work in
 * it during these checks.
 */
export async function removeSession(store: SessionStore, id: string, removal: Removal = {}): Promise<void> {
  const { force = false, dryRun = false, unusedSince = Number.POSITIVE_INFINITY, gone } = removal
  const check = async (meta: SessionMeta): Promise<void> => {
    if (Date.parse(meta.lastUsedAt) > unusedSince) throw used(meta)
    const parts = (await store.partsOf(id)).filter((part) => gone?.has(part) !== true)
    if (parts.length > 0) throw hasParts(id, parts)
    const { workspace } = meta
    const work = force || workspace === null || !existsSync(workspace) ? null : await onlyThere(meta, workspace)
    if (work !== null) throw unsaved(id, workspace ?? '', work)
  }
  const { meta } = await store.get(id)
  if (dryRun) return check(meta)
  await store.remove(id, force, check)
  const { workspace } = meta
  if (workspace === null) return
  const root = meta.repository?.root ?? null
  if (root !== null && existsSync(root)) await removeWorktree(root, workspace, join(store.home, 'guard'))
  // The session's whole folder; a part's folder is one among several.
  await rm(meta.parent === null ? dirname(workspace) : workspace, { recursive: true, force: true, maxRetries: 3 })
}

/** What would be lost with a workspace, in words; null: nothing. */
async function onlyThere(meta: SessionMeta, workspace: string): Promise<string | null> {
  const { repository, parent } = meta
  if (await isLeftAlone(meta)) return `files of ${repository?.root ?? ''}, which is not there any more`
  if (repository === null) return (await readdir(workspace)).length === 0 ? null : 'files'
  if (await isDirty(workspace)) return 'changes that are not committed'
  if (repository.root !== null) {
    // Commits on branches, and stashes, are in the repository of the worktree and stay there.
    const detached = await commitsIn(workspace, ['HEAD', '--not', '--branches', '--remotes', '--tags'])
    if (detached !== null || parent === null) return detached
  }
  if (parent !== null)
    return (await isMerged(meta, repository.root ?? workspace)) ? null : 'commits that are not merged'
  const stash = await tryGit(['rev-parse', '--verify', '--quiet', 'refs/stash'], { cwd: workspace })
  if (stash.code === 0) return 'stashed changes'
  // Tags of the remote may be outside of its branches, so a tag counts only if its commit is younger than the session.
  const begun = Math.floor(Date.parse(meta.createdAt) / 1000)
  return (
    (await commitsIn(workspace, ['--branches', 'HEAD', '--not', '--remotes'])) ??
    (await commitsIn(workspace, [`--since=${begun}`, '--tags', '--not', '--remotes']))
  )
}

/** The commits of a selection, in words; null: there is none. */
async function commitsIn(workspace: string, selection: readonly string[]): Promise<string | null> {
  const found = await tryGit(['rev-list', '--count', ...selection], { cwd: workspace })
  if (found.code !== 0) return 'a repository that cannot be read'
  const count = found.stdout.toString('utf8').trim()
  if (count === '0') return null
  return `${count} ${count === '1' ? 'commit that is' : 'commits that are'} nowhere else`
}

function used({ id, lastUsedAt }: SessionMeta): BelayError {
  return new BelayError('session_used', `session ${id} was used meanwhile`, { received: lastUsedAt })
}

function unsaved(id: string, workspace: string, what: string): BelayError {
  return new BelayError('work_unsaved', `the workspace of session ${id} holds ${what}`, {
    expected: 'nothing that would be lost',
    received: workspace,
    next: `save it, or: belay session delete ${id} --force`,
  })
}

function hasParts(id: string, parts: readonly string[]): BelayError {
  return new BelayError('session_has_parts', `session ${id} has parts`, {
    received: parts.join(', '),
    next: parts.map((part) => `belay session delete ${part}`).join('; '),
  })
}
