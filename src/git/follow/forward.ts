import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { git, gitFailed, tryGit } from '../run.ts'
import { GITLINK } from '../objects.ts'
import { changedPaths, type PathChange } from '../trees.ts'
import { readRef } from '../refs.ts'
import type { Checkout } from './checkouts.ts'
import { inspect, isPointer, type Inspected } from './inspect.ts'
import { releaseLock } from './lock.ts'
import { makeStage, PathTouched, placeAll, removeStage, type Stage } from './place.ts'
import type { FollowIntent } from './port.ts'

/**
 * How moving a checkout ended. `other`: paths hold neither the old nor the new content. `moved`: the branch got another commit.
 */
export type Forwarded =
  | { readonly done: true }
  | {
      readonly done: false
      readonly why: 'other' | 'moved'
      readonly paths: readonly string[]
      readonly touched: boolean
    }

/**
 * Paths between two commits that Belay cannot write safely: names that are not UTF-8, and submodules that become files or vice
 * versa.
 */
export function unusualPaths(changes: readonly PathChange[]): string[] {
  return changes
    .filter(
      ({ path, oldMode, newMode }) =>
        path.includes('\uFFFD') ||
        ((oldMode === GITLINK) !== (newMode === GITLINK) && oldMode !== '000000' && newMode !== '000000'),
    )
    .map((change) => change.path)
}

/**
 * Moves files, branch and index of a checkout, in this order, from `intent.from` to `intent.to`. The caller holds our index
 * lock. `begun`: an earlier call may have done a part, which is completed. When this succeeds, it has released the lock; after
 * a refusal, the lock is the caller's to release. If this throws or the process dies, the lock stays, and a repeat continues.
 */
export async function forward(
  intent: FollowIntent,
  checkout: Checkout,
  onStep: (step: string) => void,
  begun = false,
): Promise<Forwarded> {
  const { from, to, token, ref } = intent
  if (begun && (await isIndexAt(checkout, to))) return finish(intent, checkout, onStep) // only the lock was left
  const changes = await changedPaths(checkout.root, from, to)
  const files = changes.filter((change) => !isPointer(change))
  const stage = await makeStage(checkout, token, from, to)
  onStep('staged')
  const inspected = await withoutSparse(checkout, stage, await inspect(checkout.root, files))
  const bad = inspected.filter((one) => one.state === 'other').map((one) => one.change.path)
  if (bad.length > 0) return { done: false, why: 'other', paths: bad, touched: await isHalfDone(intent, inspected) }
  onStep('inspected')

  const placed: Inspected[] = []
  try {
    await placeAll(checkout.root, stage, inspected, (one) => {
      placed.push(one)
      onStep('file')
    })
  } catch (error) {
    if (!(error instanceof PathTouched)) throw error
    await putBack(intent, checkout, placed)
    return { done: false, why: 'other', paths: [error.path], touched: await isHalfDone(intent, inspected) }
  }
  for (const change of changes) {
    if (change.newMode === GITLINK) await mkdir(join(checkout.root, change.path), { recursive: true })
  }
  onStep('files')

  if (!(await moveBranch(checkout.root, ref, from, to))) {
    await putBack(intent, checkout, placed)
    return { done: false, why: 'moved', paths: [], touched: await isHalfDone(intent, inspected) }
  }
  onStep('branch')
  await installIndex(checkout, stage)
  onStep('index')
  return finish(intent, checkout, onStep)
}

/**
 * Moves a branch by compare-and-swap. True: it is at `to` (also if it already was). False: it is neither at `from` nor at `to`.
 */
export async function moveBranch(root: string, ref: string, from: string, to: string): Promise<boolean> {
  const args = ['update-ref', '-m', 'belay: follow the result branch', ref, to, from]
  const result = await tryGit(args, { cwd: root })
  if (result.code === 0) return true
  const now = await readRef(root, ref)
  if (now === from) throw gitFailed(args, result)
  return now === to
}

async function finish(intent: FollowIntent, checkout: Checkout, onStep: (step: string) => void): Promise<Forwarded> {
  await releaseLock(checkout.gitDir, intent.token)
  onStep('unlocked')
  await removeStage(checkout, intent.token)
  return { done: true }
}

/** Whether the checkout's index holds exactly the tree of `commit`. */
export async function isIndexAt(checkout: Checkout, commit: string): Promise<boolean> {
  const args = ['diff-index', '--cached', '--quiet', '--ignore-submodules=dirty', commit, '--']
  return (await tryGit(args, { cwd: checkout.root })).code === 0
}

/** Leaves out missing paths that the new index excludes from the checkout, as in a sparse checkout. */
async function withoutSparse(checkout: Checkout, stage: Stage, inspected: readonly Inspected[]): Promise<Inspected[]> {
  if (inspected.every((one) => one.state !== 'other')) return [...inspected]
  const listed = await git(['ls-files', '-t', '-z'], { cwd: checkout.root, env: { GIT_INDEX_FILE: stage.index } })
  const outside = new Set(listed.split('\0').flatMap((line) => (line.startsWith('S ') ? [line.slice(2)] : [])))
  return inspected.filter((one) => one.signature !== '' || one.state !== 'other' || !outside.has(one.change.path))
}

async function isHalfDone(intent: FollowIntent, inspected: readonly Inspected[]): Promise<boolean> {
  return inspected.some((one) => one.state === 'new') || (await readRef(intent.root, intent.ref)) === intent.to
}

/** Records file times in the new index, so that git need not read the files again, and replaces the old index by it. */
async function installIndex(checkout: Checkout, stage: Stage): Promise<void> {
  const env = { GIT_DIR: checkout.gitDir, GIT_WORK_TREE: checkout.root, GIT_INDEX_FILE: stage.index }
  // Exit status 1: some files differ from the index. Files that the user has edited meanwhile should.
  await tryGit(['update-index', '-q', '--refresh'], { cwd: checkout.root, env })
  const file = await open(stage.index, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(stage.index, join(checkout.gitDir, 'index'))
}

/** Restores placed paths after it turned out that the branch cannot move. The index has not been changed yet. */
async function putBack(intent: FollowIntent, checkout: Checkout, placed: readonly Inspected[]): Promise<void> {
  if (placed.length === 0) return
  const back = placed.map(({ change }) => ({
    ...change,
    oldMode: change.newMode,
    newMode: change.oldMode,
    oldId: change.newId,
    newId: change.oldId,
  }))
  // The way back starts from the index that the way forward would have installed.
  const ahead = await makeStage(checkout, intent.token, intent.from, intent.to)
  const stage = await makeStage(checkout, intent.token, intent.to, intent.from, ahead.index)
  const now = await inspect(checkout.root, back)
  await placeAll(
    checkout.root,
    stage,
    now.filter((one) => one.state === 'old'),
    () => {},
  )
}
