import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { gitFailed, tryGit } from '../run.ts'
import { readGuarded, readState, statOrNull, takeFolder } from './files.ts'
import { AS_STORED, listRefs } from './refs.ts'
import type { FileState, GuardedWorkspace, SharedState } from './state.ts'

/** The guarded repository and the user's checkout of it. */
export interface Place {
  readonly commonDir: string
  readonly userRoot: string
  readonly userGitDir: string
  /** The folder that `core.hooksPath` names, if it is outside the repository and the user's checkout; else null. */
  readonly hooksPath: string | null
}

/** The guarded files of the repository. Runs no git, so that nothing an agent has configured can run. */
export async function observeFiles(place: Place): Promise<Pick<SharedState, 'files' | 'worktrees'>> {
  const files: Record<string, FileState> = await readGuarded(place.commonDir)
  if (place.hooksPath !== null) await takeFolder(place.hooksPath, files, 0)
  const worktrees: Record<string, string> = {}
  for (const name of await readdir(join(place.commonDir, 'worktrees')).catch(() => [])) {
    const gitDir = join(place.commonDir, 'worktrees', name)
    const folder = await statOrNull(gitDir)
    // Git creates a worktree's files one by one, the index last.
    if (!folder || (await statOrNull(join(gitDir, 'index'))) === null) continue
    worktrees[name] = `${folder.ino} ${folder.birthtimeMs}`
    for (const file of ['commondir', 'gitdir', 'config.worktree']) {
      const path = join(gitDir, file)
      const state = await readState(path)
      if (state) files[path] = state
    }
  }
  return { files, worktrees }
}

/** Everything else. Runs two git processes, so the guarded files must have been restored before. */
export async function observeRest(
  place: Omit<Place, 'hooksPath'>,
  workspaces: readonly GuardedWorkspace[],
): Promise<Omit<SharedState, 'files' | 'worktrees'>> {
  const { commonDir, userRoot, userGitDir } = place
  const text = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null)
  const index = await readFile(join(userGitDir, 'index')).catch(() => null)
  const fetched = await statOrNull(join(userGitDir, 'FETCH_HEAD'))
  const [refs, uncommitted] = await Promise.all([listRefs(userRoot), readUncommitted(userRoot)])
  return {
    refs,
    uncommitted,
    head: (await text(join(userGitDir, 'HEAD')))?.trim() ?? null,
    index: index === null ? null : createHash('sha256').update(index).digest('hex'),
    headLogs: await sizeHeadLogs(commonDir, workspaces),
    fetched: fetched ? `${fetched.size} ${fetched.mtimeMs}` : '',
    stashLog: await text(join(commonDir, 'logs/refs/stash')),
  }
}

/** Sizes of the HEAD logs of checkouts on the user's branches. Belay's own checkouts are detached or on Belay's branches. */
async function sizeHeadLogs(
  commonDir: string,
  workspaces: readonly GuardedWorkspace[],
): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {}
  const add = async (gitDir: string): Promise<void> => {
    const found = await statOrNull(join(gitDir, 'logs/HEAD'))
    if (found) sizes[join(gitDir, 'logs/HEAD')] = found.size
  }
  await add(commonDir)
  for (const name of await readdir(join(commonDir, 'worktrees')).catch(() => [])) {
    const gitDir = join(commonDir, 'worktrees', name)
    if (workspaces.some((one) => one.gitDir === gitDir)) continue
    const head = await readFile(join(gitDir, 'HEAD'), 'utf8').catch(() => '')
    if (head.startsWith('ref: ') && !head.startsWith('ref: refs/heads/belay/')) await add(gitDir)
  }
  return sizes
}

async function readUncommitted(root: string): Promise<Record<string, string>> {
  const args = ['status', '--porcelain=v2', '-z', '--no-renames', '--untracked-files=normal', '--ignore-submodules=all']
  const result = await tryGit(args, { cwd: root, env: AS_STORED })
  if (result.code !== 0) throw gitFailed(args, result)
  const lines: Record<string, string> = {}
  for (const entry of result.stdout.toString('utf8').split('\0')) {
    const [, fields, path] = /^(1 (?:\S+ ){7}|u (?:\S+ ){9}|\? )(.+)$/s.exec(entry) ?? []
    if (fields === undefined || path === undefined) continue
    const found = await statOrNull(join(root, path))
    lines[path] = `${fields}${found?.isFile() === true ? `${found.size} ${found.mtimeMs}` : ''}`
  }
  return lines
}

/** Finds the place by asking git, while its configuration can be trusted. */
export async function findPlace(commonDir: string, userRoot: string, userGitDir: string): Promise<Place> {
  // Belay's own git disables hooks by a setting on the command line, so that scope is skipped.
  const args = ['config', '--show-scope', '--type=path', '-z', '--get-all', 'core.hooksPath']
  const hooks = await tryGit(args, { cwd: userRoot })
  const values = hooks.stdout.toString('utf8').split('\0')
  let path: string | null = null
  for (let i = 0; i + 1 < values.length; i += 2) if (values[i] !== 'command') path = values[i + 1] ?? null
  const full = path === null ? null : isAbsolute(path) ? path : resolve(userRoot, path)
  const own = full !== null && [commonDir, userRoot].some((folder) => full === folder || full.startsWith(`${folder}/`))
  return {
    commonDir,
    userRoot,
    userGitDir,
    hooksPath: own ? null : full,
  }
}
