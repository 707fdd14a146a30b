import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { subjectLine } from '../../core/text.ts'
import { endOrphans } from '../../git/orphans.ts'
import { branchRef } from '../../git/refs.ts'
import { git } from '../../git/run.ts'
import { removeStale } from '../../git/stale.ts'
import { changedPaths, snapshotTree } from '../../git/trees.ts'
import { endMarked } from '../../process/index.ts'
import type { Session, StoredEntry } from '../../sessions/index.ts'
import { commitChanges, stepChanges } from './step-changes.ts'
import { putGitBack } from './workspace.ts'

/**
 * Repairs what a dead Belay left in the workspace of a session that this process holds. Ends processes of the interrupted turn,
 * removes locks of dead git processes, and finishes a merge that had begun. In a collaboration, commits what the turn left and
 * stores it as that turn's changes. Does nothing after an orderly end; repeatable. Throws `merge_cut_off` if somebody else
 * changed files since.
 */
export async function recoverWorkspace(session: Session, path: string): Promise<void> {
  if (session.meta.repository === null) return
  const turn = openTurn(session.entries)
  const merging = await readMerging(session)
  if (turn === null && merging === null) return
  // A mark of another session comes from a file that somebody else wrote.
  if (turn?.mark?.startsWith(`session/${session.id}/`) === true) await endMarked(turn.mark)
  await putGitBack(session, path)
  await removeLocks(session, path)
  if (merging !== null) await finishMerge(session, path, merging)
  if (turn !== null && session.meta.collaboration !== null) await keepTurn(session, path, turn)
}

type OpenTurn = StoredEntry & { readonly type: 'turn' }

/** The newest turn if it has no end, or null. */
function openTurn(entries: readonly StoredEntry[]): OpenTurn | null {
  const last = entries.findLast((entry) => entry.type === 'turn' || entry.type === 'turn_ended')
  return last?.type === 'turn' ? last : null
}

async function removeLocks(session: Session, path: string): Promise<void> {
  const text = await git(['rev-parse', '--path-format=absolute', '--git-dir', '--git-common-dir'], { cwd: path })
  const [gitDir = '', commonDir = ''] = text.split('\n')
  await endOrphans([path, gitDir])
  for (const name of ['index.lock', 'HEAD.lock', 'ORIG_HEAD.lock']) await rm(join(gitDir, name), { force: true })
  const branch = session.meta.repository?.branch ?? null
  await removeStale({ root: path, commonDir, refs: branch === null ? [] : [branchRef(branch)] })
}

async function keepTurn(session: Session, path: string, { turn, prompt, agent, base }: OpenTurn): Promise<void> {
  await commitChanges(session, path, `${subjectLine(prompt, 60)} (cut off)`, agent.provider)
  const left = base === undefined ? { files: [], commits: [] } : await stepChanges(path, base)
  await session.append(
    {
      type: 'turn_ended',
      turn,
      status: 'interrupted',
      finishReason: 'cut_off',
      text: '',
      output: null,
      error: 'Belay died in this turn',
      steps: 0,
      usage: { inputTokens: 0, outputTokens: 0, costUsd: null },
      ...left,
    },
    true,
  )
}

/** A merge that has begun: the branch moves from one commit to the other, and the files follow. */
export interface Merging {
  readonly part: string
  readonly from: string
  readonly to: string
}

const MERGING = 'merging.json'

/** Moves the branch of a clean workspace, and its files. If this is interrupted, `recoverWorkspace` finishes it. */
export async function moveTo(session: Session, path: string, merging: Merging): Promise<void> {
  const file = join(session.folder, MERGING)
  await writeFile(`${file}~`, JSON.stringify(merging), { mode: 0o600 })
  await rename(`${file}~`, file)
  await git(['merge', '--quiet', '--ff-only', '--no-verify-signatures', merging.to], { cwd: path })
  await rm(file)
}

async function readMerging(session: Session): Promise<Merging | null> {
  const text = await readFile(join(session.folder, MERGING), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : (JSON.parse(text) as Merging)
}

/** Finishes a merge, but only if every file has exactly its old or its new content, so that no other change is overwritten. */
async function finishMerge(session: Session, path: string, { part, from, to }: Merging): Promise<void> {
  const head = await git(['rev-parse', '--verify', 'HEAD'], { cwd: path })
  if (head === from) {
    const foreign = await foreignPaths(session, path, from, to)
    if (foreign.length > 0) {
      throw new BelayError('merge_cut_off', `merging part ${part} was cut off, and files were changed since`, {
        expected: 'files as they were before it, or as it makes them',
        received: foreign.slice(0, 20).join(', '),
        next: `save what you need of them, then: git -C '${path}' reset --hard ${to}`,
      })
    }
    await git(['reset', '--hard', '--quiet', to], { cwd: path })
  }
  await rm(join(session.folder, MERGING))
}

async function foreignPaths(session: Session, path: string, from: string, to: string): Promise<readonly string[]> {
  const index = join(session.folder, 'merging.index')
  try {
    await git(['read-tree', from], { cwd: path, env: { GIT_INDEX_FILE: index } })
    const found = await snapshotTree(path, index)
    const missing = new Set((await changedPaths(path, found, to)).map((change) => change.path))
    return (await changedPaths(path, from, found)).map((change) => change.path).filter((one) => missing.has(one))
  } finally {
    await rm(index, { force: true })
    await rm(`${index}.lock`, { force: true })
  }
}
