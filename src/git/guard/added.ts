import { lstat, readFile, readdir, realpath, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { refPart } from '../refs.ts'
import { removeTree } from '../remove-tree.ts'
import { tryGit } from '../run.ts'
import { parseLog } from './evidence.ts'
import { statOrNull } from './files.ts'
import type { Found, Look } from './look-types.ts'
import { RESCUED } from './refs.ts'
import type { SharedState } from './state.ts'

interface Added {
  /** The worktree's folder in the repository's git folder. */
  readonly gitDir: string
  readonly name: string
  /** Where the checkout is, according to git. */
  readonly path: string
  /** Email address of whoever created the worktree, from its log; null: unknown. */
  readonly email: string | null
  /** Whether it has an index; a worktree without files has none. */
  readonly whole: boolean
}

/**
 * Examines worktrees that were added since the trusted state and are not Belay's own. One with an agent's mark is removed,
 * files and git's entry; the commit that it was on is kept. One without a mark may be the user's, whose files Belay must not
 * remove: it is only reported. Returns the findings and the remaining worktrees and files. Other Belay processes add and remove
 * worktrees too, so call this under the lock of the worktree list, after configuration was restored.
 */
export async function lookAtAdded(
  what: Look,
  now: Pick<SharedState, 'files' | 'worktrees'>,
): Promise<{ found: Found[] } & Pick<SharedState, 'files' | 'worktrees'>> {
  const marks = new Set(what.turns.flatMap((turn) => (turn.mark === null ? [] : [turn.mark])))
  const worktrees = { ...now.worktrees }
  const files = { ...now.files }
  const found: Found[] = []
  for (const one of await listAdded(what)) {
    const mark = one.email !== null && marks.has(one.email) ? one.email : null
    if (mark === null) {
      if (one.whole) found.push({ finding: told(one), mark: null })
      continue
    }
    const rescued = await rescue(what, one)
    await remove(what, one)
    delete worktrees[one.name]
    for (const path of Object.keys(files)) if (path.startsWith(`${one.gitDir}/`)) delete files[path]
    const kept = rescued === null ? '' : `; where it stood is kept as ${rescued}`
    const message = `the agent added a worktree at ${one.path}; it was removed${kept}`
    found.push({ finding: { kind: 'worktree', subject: one.path, message, fails: true, undone: true, rescued }, mark })
  }
  return { found, worktrees, files }
}

function told({ path }: Added): Found['finding'] {
  const message = `a worktree was added at ${path} during the turn; it stays, as nothing tells that an agent made it`
  return { kind: 'worktree', subject: path, message, fails: false, undone: false, rescued: null }
}

async function listAdded(what: Look): Promise<Added[]> {
  const { place, trusted, turns, until } = what
  const notes = join(place.commonDir, 'worktrees')
  const added: Added[] = []
  for (const name of await readdir(notes).catch(() => [])) {
    const gitDir = join(notes, name)
    const folder = await statOrNull(gitDir)
    if (!folder?.isDirectory() || trusted.worktrees[name] === `${folder.ino} ${folder.birthtimeMs}`) continue
    if (until !== null && folder.birthtimeMs > until) continue
    if (turns.some((turn) => turn.workspaces.some((one) => one.gitDir === gitDir))) continue
    const pointer = await text(join(gitDir, 'gitdir'))
    if (pointer === '') continue
    const [first] = parseLog(await text(join(gitDir, 'logs/HEAD')))
    const whole = (await statOrNull(join(gitDir, 'index'))) !== null
    added.push({ name, gitDir, path: dirname(resolve(gitDir, pointer)), email: first?.email ?? null, whole })
  }
  if (added.length === 0) return []
  // Asked after the scan, because Belay stores its own worktrees before it creates them.
  const own = new Set(await Promise.all((await what.ownWorktrees()).map(real)))
  const isOwn = await Promise.all(added.map(async ({ path }) => own.has(await real(path))))
  return added.filter((_, i) => !isOwn[i])
}

/** A regular file's text, trimmed; empty for anything else, so that reading never blocks on a pipe or follows a link. */
async function text(path: string): Promise<string> {
  const found = await lstat(path).catch(() => null)
  return found?.isFile() === true ? (await readFile(path, 'utf8').catch(() => '')).trim() : ''
}

/** The path without links, as far as it exists. */
async function real(path: string): Promise<string> {
  const found = await realpath(path).catch(() => null)
  return found ?? (dirname(path) === path ? path : join(await real(dirname(path)), path.slice(dirname(path).length)))
}

async function rescue(what: Look, { gitDir, name }: Added): Promise<string | null> {
  const head = await text(join(gitDir, 'HEAD'))
  if (!/^[0-9a-f]{40,64}$/.test(head) || /^0+$/.test(head)) return null // a branch is examined as a ref
  const ref = `${RESCUED}${what.name}/worktrees/${refPart(name)}`
  return (await tryGit(['update-ref', ref, head], { cwd: what.place.userRoot })).code === 0 ? ref : null
}

/**
 * Removes the folder only if its own `.git` says that it is this worktree, because an agent can write any path into git's
 * entry. Git's entry is removed in any case.
 */
async function remove(what: Look, { gitDir, path }: Added): Promise<void> {
  const pointer = /^gitdir: (.+)$/s.exec(await text(join(path, '.git')))?.[1]
  const isIt = pointer !== undefined && (await real(resolve(path, pointer))) === (await real(gitDir))
  const top = await real(path)
  const spared = [what.place.userRoot, what.place.commonDir, what.folder]
  const inside = await Promise.all(
    [...spared, ...what.turns.flatMap((turn) => turn.workspaces.map((one) => one.path))].map(real),
  )
  if (isIt && !inside.some((one) => one === top || one.startsWith(`${top}/`))) await removeTree(path)
  await removeTree(gitDir)
  await rmdir(dirname(gitDir)).catch(() => {}) // like git, remove the folder after its last entry
}
