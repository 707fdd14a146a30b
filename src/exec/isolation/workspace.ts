import { existsSync } from 'node:fs'
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { git, tryGit } from '../../git/run.ts'
import { ensureWorktree } from '../../git/worktrees.ts'
import type { Session, SessionMeta, SessionRepository } from '../../sessions/index.ts'
import { cloneRepository, type CloneRequest } from './clone.ts'
import { remoteOf } from './credentials.ts'
import { resolveWorkspace, workspacesBase } from './workspace-path.ts'

/** What a session's own workspace should contain. */
export interface WorkspaceRequest {
  /** null: a worktree of the repository around `cwd`, or an empty folder if there is none. */
  readonly clone: CloneRequest | null
  /** The user's folder. */
  readonly cwd: string
}

/** The branch on which a session's worktree works. */
export function sessionBranch(session: string, part: string): string {
  return `belay/${session}/${part}`
}

/** The part of a session at which its parallel parts begin, and into which they are merged. */
export const MAIN = 'result'

/** The folder inside a session's workspace in which agents work. */
export function mainFolder(home: string, session: string): string {
  return join(resolveWorkspace(workspacesBase(home), { session, workflowRun: null, agentRun: null }), 'main')
}

/**
 * Creates the workspace of a session that this process holds, or takes the existing one, and stores it in the session. A
 * process that dies half-way leaves nothing that could be mistaken for a workspace.
 */
export async function sessionWorkspace(home: string, session: Session, request: WorkspaceRequest): Promise<string> {
  const path = mainFolder(home, session.id)
  if (session.meta.workspace === path && existsSync(path)) {
    // Checked first: otherwise the agent would not work on what was asked for.
    if (request.clone !== null) refuseOther(session, request.clone)
    await putGitBack(session, path)
    await refuseLeftAlone(session.meta)
    return path
  }
  const repository =
    request.clone === null ? await ownRepository(home, session, path, request.cwd) : await cloned(request.clone, path)
  if (repository !== null) await keepGit(session, path)
  await session.change({ workspace: path, repository })
  return path
}

/** Whether the repository to which the session's worktree belongs was moved or removed, so that git no longer works there. */
export async function isLeftAlone({ repository, workspace }: SessionMeta): Promise<boolean> {
  if (repository === null || repository.root === null || workspace === null) return false
  const pointer = await readFile(join(workspace, '.git'), 'utf8').catch(() => null)
  const folder = /^gitdir: (.+)/.exec(pointer ?? '')?.[1]
  return folder !== undefined && !existsSync(folder)
}

/** Throws `repository_gone` if `isLeftAlone` holds for the session. */
export async function refuseLeftAlone(meta: SessionMeta): Promise<void> {
  if (!(await isLeftAlone(meta))) return
  throw new BelayError('repository_gone', `the repository of session ${meta.id} is not where it was`, {
    expected: meta.repository?.root ?? '',
    received: `no repository there; the files of the session are in ${meta.workspace ?? ''}`,
    next: 'put it back there, or take the files and begin another session',
  })
}

function refuseOther(session: Session, clone: CloneRequest): void {
  const { url } = remoteOf(clone.url)
  const had = session.meta.repository?.url ?? null
  if (had === url) return
  throw new BelayError('workspace_taken', 'the workspace of the session already holds something else', {
    expected: had === null ? 'no --repo' : `--repo ${had}`,
    received: url,
    next: 'take another --session',
  })
}

async function cloned(request: CloneRequest, path: string): Promise<SessionRepository> {
  const { url, branch, commit } = await cloneRepository(request, path)
  return { url, root: null, branch, base: commit }
}

async function ownRepository(
  home: string,
  session: Session,
  path: string,
  cwd: string,
): Promise<SessionRepository | null> {
  const found = await tryGit(['rev-parse', '--path-format=absolute', '--show-toplevel'], { cwd })
  if (found.code !== 0) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    return null
  }
  const root = found.stdout.toString('utf8').replace(/\n$/, '')
  const base = await tryGit(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { cwd: root })
  if (base.code !== 0) {
    throw new BelayError('unborn_head', 'the repository has no commit yet, so there is nothing to begin at', {
      next: 'git commit --allow-empty -m "first commit"',
    })
  }
  const branch = sessionBranch(session.id, MAIN)
  const commit = base.stdout.toString('utf8').trim()
  await addWorktree(home, root, path, branch, commit)
  return { url: null, root, branch, base: commit }
}

/** Creates a worktree at `path` on `branch`, which begins at `commit` unless it exists already. */
export async function addWorktree(
  home: string,
  root: string,
  path: string,
  branch: string,
  commit: string,
): Promise<void> {
  await checkBranch(root, branch)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const known = await tryGit(['rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`], { cwd: root })
  const begin = known.code === 0 ? known.stdout.toString('utf8').trim() : commit
  await ensureWorktree(root, path, begin, join(home, 'guard'))
  await git(['switch', '--quiet', ...(known.code === 0 ? [branch] : ['-c', branch])], { cwd: path })
}

/**
 * Throws `branch_invalid` if the session id makes no valid branch name, or if one of the user's branches is in the way. Called
 * before anything is created.
 */
async function checkBranch(root: string, branch: string): Promise<void> {
  const wrong = (message: string, expected: string, next: string): BelayError =>
    new BelayError('branch_invalid', message, { expected, received: branch, next })
  if ((await tryGit(['check-ref-format', '--branch', branch], { cwd: root })).code !== 0)
    throw wrong(
      'the session works on a branch, which cannot be called so',
      'an id that does not begin with ".", end in ".lock" or hold ".."',
      'take another --session',
    )
  const above = branch.split('/').slice(0, -1)
  for (const [i] of above.entries()) {
    const taken = above.slice(0, i + 1).join('/')
    if ((await tryGit(['rev-parse', '--verify', '--quiet', `refs/heads/${taken}`], { cwd: root })).code === 0)
      throw wrong(
        `the session works on a branch, and the branch ${taken} is in its way`,
        `no branch ${taken}`,
        `git branch -m ${taken} NEW`,
      )
  }
}

/** File beside the session's lines with the workspace's git files as Belay made them. */
const KEPT = 'git.json'

interface KeptGit {
  /** Content of a worktree's `.git` file; null for a clone. */
  readonly pointer: string | null
  /** Content of a clone's configuration; null for a worktree. */
  readonly config: string | null
}

/**
 * Stores the git files of a workspace as Belay made them. An agent that can write to its clone's `.git/config`, or to its
 * worktree's `.git` file, could make Belay's own git run programs (filters, helpers). They are therefore restored before
 * Belay's git works there again.
 */
export async function keepGit(session: Session, path: string): Promise<void> {
  const isClone = (await lstat(join(path, '.git'))).isDirectory()
  const kept: KeptGit = {
    pointer: isClone ? null : await readFile(join(path, '.git'), 'utf8'),
    config: isClone ? await readFile(join(path, '.git', 'config'), 'utf8') : null,
  }
  await writeFile(join(session.folder, KEPT), JSON.stringify(kept), { mode: 0o600 })
}

/**
 * Restores a workspace's git files; returns whether anything had changed. Throws `workspace_broken` if the git folder was
 * replaced.
 */
export async function putGitBack(session: Session, path: string): Promise<boolean> {
  if (session.meta.repository === null) return false
  const kept = JSON.parse(await readFile(join(session.folder, KEPT), 'utf8')) as KeptGit
  const [file, text] =
    kept.pointer === null ? [join(path, '.git', 'config'), kept.config ?? ''] : [join(path, '.git'), kept.pointer]
  const folder = await lstat(join(path, '.git')).catch(() => null)
  const isWhole = kept.pointer === null ? folder?.isDirectory() === true : folder === null || folder.isFile()
  const found = isWhole ? await lstat(file).catch(() => null) : null
  if (!isWhole || (found !== null && !found.isFile())) {
    throw new BelayError('workspace_broken', "the git folder of the session's workspace was replaced", {
      received: join(path, '.git'),
      next: 'begin another session',
    })
  }
  if (found !== null && (await readFile(file, 'utf8')) === text) return false
  await writeFile(file, text)
  return true
}
