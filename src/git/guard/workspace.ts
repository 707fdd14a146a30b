import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { tryGit } from '../run.ts'
import { readGuarded, readState, restore, sameState, statOrNull } from './files.ts'
import type { Finding, GuardedWorkspace, WorkspaceState } from './state.ts'

const UNFINISHED =
  /^(MERGE_|CHERRY_PICK_HEAD$|REVERT_HEAD$|REBASE_HEAD$|AUTO_MERGE$|BISECT_|rebase-merge$|rebase-apply$|sequencer$|SQUASH_MSG$)/

export async function readWorkspace({ path, gitDir }: GuardedWorkspace): Promise<WorkspaceState> {
  return {
    path,
    gitDir,
    pointer: await readState(join(path, '.git')),
    files: await readGuarded(gitDir),
    head: await readState(join(gitDir, 'HEAD')),
    unfinished: (await readdir(gitDir)).filter((name) => UNFINISHED.test(name)),
  }
}

/**
 * Repairs an agent's checkout after its turn, before any git command runs in it. A changed `.git` file or checkout
 * configuration is restored and fails the attempt. A moved HEAD, leftover locks and unfinished merges are repaired; only HEAD
 * is reported, as a note. The agent's files and commits are not touched. The agent's processes must have ended. Runs no git.
 */
export async function mendWorkspace(before: WorkspaceState): Promise<Finding[]> {
  const { path, gitDir } = before
  const top = await statOrNull(path)
  if (!top?.isDirectory()) return [finding(path, 'the agent removed its workspace', { fails: true, undone: false })]
  const findings: Finding[] = []
  const pointer = join(path, '.git')
  if (!sameState(await readState(pointer), before.pointer)) {
    if ((await statOrNull(pointer))?.isDirectory()) await rm(pointer, { recursive: true, force: true, maxRetries: 3 })
    const undone = await restore(pointer, await readState(pointer), before.pointer)
    findings.push(finding(pointer, 'the agent replaced the .git file of its workspace', { fails: true, undone }))
  }
  const now = await readGuarded(gitDir)
  for (const file of new Set([...Object.keys(before.files), ...Object.keys(now)])) {
    const [was, is] = [before.files[file] ?? null, now[file] ?? null]
    // Submodules that were initialised during the turn add files; these are checked as submodules.
    if (sameState(was, is) || (was === null && file.startsWith(join(gitDir, 'modules/')))) continue
    const undone = await restore(file, is, was)
    findings.push(finding(file, `the agent changed ${file}`, { fails: true, undone }))
  }
  const head = join(gitDir, 'HEAD')
  const headNow = await readState(head)
  if (!sameState(headNow, before.head)) {
    const undone = await restore(head, headNow, before.head)
    findings.push(finding(head, 'the agent left its branch; its workspace is back on it', { fails: false, undone }))
  }
  for (const name of await readdir(gitDir)) {
    const isLeft = name.endsWith('.lock') || (UNFINISHED.test(name) && !before.unfinished.includes(name))
    if (isLeft) await rm(join(gitDir, name), { recursive: true, force: true })
  }
  return findings
}

/**
 * Rebuilds a damaged or missing index from HEAD. Runs git, so everything that configures git must have been restored before.
 */
export async function mendIndex({ path, gitDir }: WorkspaceState): Promise<Finding[]> {
  const index = join(gitDir, 'index')
  if (isWhole(await readFile(index).catch(() => null))) return []
  await rm(index, { recursive: true, force: true })
  const undone = (await tryGit(['read-tree', 'HEAD'], { cwd: path })).code === 0
  return [finding(index, 'the index of the workspace was damaged and was made anew', { fails: false, undone })]
}

/** An index ends with a hash of everything before it, or with zeros if git is configured to skip the hash. */
function isWhole(content: Buffer | null): boolean {
  if (content === null || content.length < 32 || content.subarray(0, 4).toString('latin1') !== 'DIRC') return false
  return [
    { name: 'sha1', length: 20 },
    { name: 'sha256', length: 32 },
  ].some(({ name, length }) => {
    const end = content.subarray(-length)
    return end.every((byte) => byte === 0) || createHash(name).update(content.subarray(0, -length)).digest().equals(end)
  })
}

function finding(subject: string, message: string, how: { fails: boolean; undone: boolean }): Finding {
  return { kind: 'workspace', subject, message, rescued: null, ...how }
}
