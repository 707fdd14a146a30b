import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { commitTree } from '../../git/commit.ts'
import { mergeTrees } from '../../git/trees.ts'
import { git, tryGit } from '../../git/run.ts'
import { SessionStore, checkSessionId, type Session, type SessionMeta } from '../../sessions/index.ts'
import { moveTo, recoverWorkspace } from './recover.ts'
import {
  MAIN,
  addWorktree,
  keepGit,
  putGitBack,
  refuseLeftAlone,
  sessionBranch,
  sessionWorkspace,
  type WorkspaceRequest,
} from './workspace.ts'
import { resolveWorkspace, workspacesBase } from './workspace-path.ts'

/** The id of a part's own session. Throws `usage`. */
export function partSession(session: string, part: string): string {
  if (part === MAIN || part === '' || part.includes('.')) {
    throw new BelayError('usage', `a part cannot be called "${part}"`, {
      expected: `a name without dots, other than ${MAIN}`,
      received: part,
    })
  }
  return checkSessionId(`${session}.${part}`)
}

/** Creates the workspace of the whole session if there is none, and returns the commit at which parts begin. */
export async function parallelBase(
  store: SessionStore,
  whole: string,
  request: WorkspaceRequest,
): Promise<{ readonly root: string; readonly commit: string }> {
  const known = (await store.find(whole))?.meta
  if (known?.collaboration === 'parallel' && known.workspace !== null && existsSync(known.workspace)) {
    await refuseLeftAlone(known)
    return baseOf(known, known.workspace)
  }
  const { session, created } = await openPreparing(store, whole)
  try {
    const path = await sessionWorkspace(store.home, session, request)
    await session.change({ collaboration: 'parallel' })
    const base = await baseOf(session.meta, path)
    await session.close()
    return base
  } catch (error) {
    await session.close()
    if (created) await store.takeBack(whole)
    throw error
  }
}

async function baseOf(meta: SessionMeta, path: string): Promise<{ readonly root: string; readonly commit: string }> {
  if (meta.repository === null) throw noRepository()
  return { root: path, commit: await git(['rev-parse', '--verify', 'HEAD'], { cwd: path }) }
}

const PREPARING = 'preparing a part'
const LOOK_MS = 100

/**
 * Opens the whole session, creating it if necessary. Waits while another part prepares it. Throws `held` if it is in use for
 * anything else.
 */
async function openPreparing(store: SessionStore, whole: string): Promise<{ session: Session; created: boolean }> {
  let created = false
  for (;;) {
    try {
      if ((await store.find(whole)) === null) {
        await store.create(whole)
        created = true
      }
      return { session: await store.open(whole, PREPARING), created }
    } catch (error) {
      const code = error instanceof BelayError ? error.code : null
      const holder = code === 'held' ? ((await store.find(whole))?.holder ?? null) : null
      // The process that created it may have failed, and removed it again.
      const mayWait =
        code === 'session_exists' ||
        code === 'session_unknown' ||
        (code === 'held' && (holder === null || holder.purpose === PREPARING))
      if (!mayWait) throw error
      await new Promise((done) => setTimeout(done, LOOK_MS))
    }
  }
}

/** The worktree of a part whose session this process holds: on its own branch, in the repository of the whole session. */
export async function partWorkspace(
  store: SessionStore,
  session: Session,
  whole: string,
  part: string,
  base: { readonly root: string; readonly commit: string },
): Promise<string> {
  const owner = { session: whole, workflowRun: null, agentRun: null }
  const path = join(resolveWorkspace(workspacesBase(store.home), owner), 'parts', part)
  if (session.meta.workspace === path && existsSync(path)) {
    await putGitBack(session, path)
    return path
  }
  const branch = sessionBranch(whole, part)
  await addWorktree(store.home, base.root, path, branch, base.commit)
  await keepGit(session, path)
  const repository = { url: null, root: base.root, branch, base: base.commit }
  await session.change({ workspace: path, repository, collaboration: 'parallel', parent: whole })
  return path
}

export interface MergeReport {
  /** Branch into which everything was merged. */
  readonly into: string
  readonly merged: readonly { readonly part: string; readonly commit: string }[]
  readonly conflicts: readonly { readonly part: string; readonly branch: string; readonly files: readonly string[] }[]
  /** Parts that are in use (`held`), or that have uncommitted changes. */
  readonly skipped: readonly { readonly part: string; readonly reason: string; readonly held: boolean }[]
}

/**
 * Merges the parts of a session into it, the oldest first, each completely or not at all. A part with conflicts is left as it
 * is and reported, and the others continue. Repeatable: parts that are merged already are skipped. Throws `held`,
 * `nothing_to_merge`, `workspace_dirty`.
 */
export async function mergeParts(store: SessionStore, whole: string): Promise<MergeReport> {
  const session = await store.open(whole, 'merge')
  try {
    const parts = (await store.list())
      .filter(({ meta }) => meta.parent === whole)
      .toSorted((a, b) => a.meta.createdAt.localeCompare(b.meta.createdAt))
    const path = session.meta.workspace
    if (path === null || session.meta.repository === null) throw nothing(whole)
    await putGitBack(session, path)
    await refuseLeftAlone(session.meta)
    await recoverWorkspace(session, path)
    if (await isDirty(path)) throw dirty(path)
    const merged: { part: string; commit: string }[] = []
    const conflicts: { part: string; branch: string; files: readonly string[] }[] = []
    const skipped: { part: string; reason: string; held: boolean }[] = []
    let open = 0
    for (const { meta, holder } of parts) {
      const part = meta.id.slice(whole.length + 1)
      const reason = holder !== null ? `process ${holder.pid} works in it` : await unfinished(meta)
      if (reason === null && (await isMerged(meta, path))) continue
      open += 1
      if (reason !== null) {
        skipped.push({ part, reason, held: holder !== null })
        continue
      }
      const outcome = await mergeOne(session, path, part)
      if ('files' in outcome) conflicts.push({ part, branch: sessionBranch(whole, part), files: outcome.files })
      else {
        merged.push({ part, commit: outcome.commit })
        await noteMerged(store, meta.id)
      }
    }
    if (open === 0) throw nothing(whole)
    return { into: session.meta.repository.branch ?? 'HEAD', merged, conflicts, skipped }
  } finally {
    await session.close()
  }
}

/**
 * Whether a part was marked as merged and its commits are still all in the whole session, whose repository is `root`: the part
 * may have continued since.
 */
export async function isMerged({ id, merged, parent }: SessionMeta, root: string): Promise<boolean> {
  if (!merged || parent === null) return false
  const ref = `refs/heads/${sessionBranch(parent, id.slice(parent.length + 1))}`
  return (await tryGit(['merge-base', '--is-ancestor', ref, 'HEAD'], { cwd: root })).code === 0
}

async function mergeOne(
  session: Session,
  path: string,
  part: string,
): Promise<{ commit: string } | { files: readonly string[] }> {
  const whole = session.id
  const ref = `refs/heads/${sessionBranch(whole, part)}`
  const [ours, theirs] = await Promise.all(
    ['HEAD', ref].map((name) => git(['rev-parse', '--verify', name], { cwd: path })),
  )
  if (ours === undefined || theirs === undefined) throw new Error('two questions, two answers')
  const already = await tryGit(['merge-base', '--is-ancestor', theirs, ours], { cwd: path })
  if (already.code === 0) return { commit: ours }
  const merge = await mergeTrees(path, ours, theirs)
  if ('conflicts' in merge) return { files: merge.conflicts }
  const message = `Merge part ${part} of session ${whole}\n\nBelay-Session: ${whole}\n`
  const commit = await commitTree(path, { tree: merge.tree, parents: [ours, theirs], message, sign: false })
  await moveTo(session, path, { part, from: ours, to: commit })
  return { commit }
}

async function unfinished(meta: SessionMeta): Promise<string | null> {
  if (meta.workspace === null || !existsSync(meta.workspace)) return null
  return (await isDirty(meta.workspace)) ? 'it has changes that are not committed' : null
}

async function noteMerged(store: SessionStore, id: string): Promise<void> {
  const session = await store.open(id, 'merge')
  try {
    await session.change({ merged: true })
  } finally {
    await session.close()
  }
}

/**
 * Whether a workspace has uncommitted changes. Does not look for dirty submodules: git would run there with filters from a
 * configuration that an agent may have written.
 */
export async function isDirty(path: string): Promise<boolean> {
  return (await git(['status', '--porcelain', '--ignore-submodules=dirty'], { cwd: path })) !== ''
}

function nothing(whole: string): BelayError {
  return new BelayError('nothing_to_merge', `session ${whole} has no parts that are not merged yet`, {
    expected: 'parts made by: belay exec --collaboration parallel --part NAME',
    next: 'belay session list',
  })
}

function dirty(path: string): BelayError {
  return new BelayError('workspace_dirty', 'the workspace of the session has changes that are not committed', {
    received: path,
    next: 'commit them there, or let an agent do it: belay exec "commit your work" --session ID --collaboration sequential',
  })
}

function noRepository(): BelayError {
  return new BelayError('no_repository', 'parallel parts need a repository', {
    expected: 'a git repository here, or --repo URL',
    next: 'git init, or leave out --collaboration parallel',
  })
}
