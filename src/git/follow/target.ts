import { randomId } from '../../core/ids.ts'
import { quoteShell } from '../quote.ts'
import { isAncestor } from '../commit.ts'
import { branchRef, readRef } from '../refs.ts'
import { dirtyPaths } from '../repository.ts'
import { changedPaths } from '../trees.ts'
import { checkoutsOf, headRef, isBeingRewritten, linkedGitDirs, unfinished, type Checkout } from './checkouts.ts'
import { forward, moveBranch, unusualPaths } from './forward.ts'
import { releaseLock, takeLock, thisHolder } from './lock.ts'
import { removeStage } from './place.ts'
import type { Followed, FollowIntent, FollowRequest } from './port.ts'
import { recover } from './recover.ts'
import { list, refuse } from './refuse.ts'

const PATIENCE_MS = 2000

/** How often to try again after the branch moved meanwhile. */
const ROUNDS = 3

/**
 * Moves the target branch up to the result branch, without ever forcing, resetting, stashing or checking out anything.
 *
 * - Not checked out: a compare-and-swap of the branch.
 * - Checked out and clean (no staged or modified tracked file, no untracked file in the way): a fast-forward of files, branch
 *   and index under git's own index lock. kill -9 at any moment leaves the old state, the new one, or our lock with every path
 *   at exactly its old or new content; the next call with the same `intents` finishes that.
 * - Anything else: nothing is touched, and a reason and a command for the user are returned.
 *
 * Safe to repeat: a target that already contains the commit is `landed`. Reason codes: detached_head, target_missing,
 * target_moved, target_dirty, target_busy, target_locked, target_away, interrupted, unusual_paths. Throws only for unexpected
 * git or disk failures.
 */
export async function followTarget(request: FollowRequest): Promise<Followed> {
  const { repository, target, to, intents } = request
  if (target === null) {
    return refuse(request, 'detached_head', 'HEAD was detached when the run started, so there is no branch to follow')
  }
  const left = await intents.read()
  if (left) {
    const refusal = await recover(left, request)
    if (refusal) return refusal
    await intents.clear()
  }
  const ref = branchRef(target)
  for (let round = 0; round < ROUNDS; round++) {
    const tip = await readRef(repository.root, ref)
    if (tip === null && request.create === true) {
      if (await moveBranch(repository.root, ref, '0'.repeat(to.length), to)) return { landed: true }
      continue
    }
    if (tip === null) {
      const command = `git -C ${quoteShell(repository.root)} branch ${quoteShell(target)} ${to}`
      return refuse(request, 'target_missing', `the branch ${target} is gone`, command)
    }
    if (tip === to) return { landed: true }
    const isBehind = await isAncestor(repository.root, tip, to)
    if (!isBehind && (await isAncestor(repository.root, to, tip))) return { landed: true }
    if (!isBehind || !(await isAncestor(repository.root, request.from, tip))) {
      return refuse(request, 'target_moved', `${target} has other commits now than when the run looked at it last`)
    }
    const outcome = await move(request, ref, tip)
    if (outcome !== 'again') return outcome
  }
  return refuse(request, 'target_moved', `${target} keeps moving`)
}

async function move(request: FollowRequest, ref: string, tip: string): Promise<Followed | 'again'> {
  const { root, commonDir } = request.repository
  const { here, away } = await checkoutsOf(root, ref)
  const [checkout, second] = here
  if (away.length > 0) {
    return refuse(request, 'target_away', `${request.target} is checked out at ${away[0]}, which cannot be reached`)
  }
  if (second) return refuse(request, 'target_busy', `${request.target} is checked out in several places`)
  if (checkout) return fastForward(request, checkout, { ref, tip })
  if (await isBeingRewritten([commonDir, ...(await linkedGitDirs(commonDir))], ref)) {
    return refuse(request, 'target_busy', `${request.target} is being rebased or bisected`)
  }
  if (!(await moveBranch(root, ref, tip, request.to))) return 'again'
  request.onStep?.('branch')
  return { landed: true }
}

async function fastForward(
  request: FollowRequest,
  checkout: Checkout,
  at: { readonly ref: string; readonly tip: string },
): Promise<Followed | 'again'> {
  const onStep = request.onStep ?? (() => {})
  const early = await atWork(request, checkout, at)
  if (early) return early
  const holder = thisHolder()
  const intent: FollowIntent = {
    token: randomId(16),
    holder,
    root: checkout.root,
    gitDir: checkout.gitDir,
    ref: at.ref,
    from: at.tip,
    to: request.to,
  }
  await request.intents.write(intent)
  onStep('recorded')
  if (!(await takeLock(checkout.gitDir, intent.token, request.patienceMs ?? PATIENCE_MS))) {
    await request.intents.clear()
    return refuse(request, 'target_locked', `another git process holds ${checkout.gitDir}/index.lock`)
  }
  onStep('locked')
  // Checked again, because until the lock was taken the user could still switch, stage or commit.
  const late = await obstacle(request, checkout, at)
  if (late) {
    await giveUp(request, checkout, intent)
    return (await readRef(request.repository.root, at.ref)) === at.tip ? late : 'again'
  }
  const outcome = await forward(intent, checkout, onStep)
  if (outcome.done) {
    await request.intents.clear()
    onStep('cleared')
    return { landed: true }
  }
  await giveUp(request, checkout, intent)
  if (outcome.why === 'moved') return 'again'
  return refuse(request, 'target_dirty', `these files of yours would be overwritten: ${list(outcome.paths)}`)
}

async function giveUp(request: FollowRequest, checkout: Checkout, intent: FollowIntent): Promise<void> {
  await removeStage(checkout, intent.token)
  await releaseLock(checkout.gitDir, intent.token)
  await request.intents.clear()
}

/** A refusal if somebody else is visibly working in this checkout, as far as can be seen without git; else null. */
async function atWork(
  request: FollowRequest,
  checkout: Checkout,
  at: { readonly ref: string; readonly tip: string },
): Promise<Followed | null> {
  const busy = unfinished(checkout.gitDir)
  if (busy !== null) return refuse(request, 'target_busy', `${checkout.root} is in the middle of ${busy}`)
  if ((await headRef(checkout.gitDir)) !== at.ref || (await readRef(checkout.root, at.ref)) !== at.tip) {
    return refuse(request, 'target_moved', `${request.target} is being worked on`)
  }
  return null
}

/** Why this checkout must be left alone, or null. */
async function obstacle(
  request: FollowRequest,
  checkout: Checkout,
  at: { readonly ref: string; readonly tip: string },
): Promise<Followed | null> {
  const busy = await atWork(request, checkout, at)
  if (busy) return busy
  const { tracked } = await dirtyPaths(checkout.root, { untracked: false })
  if (tracked.length > 0)
    return refuse(request, 'target_dirty', `${checkout.root} has uncommitted changes: ${list(tracked)}`)
  const unusual = unusualPaths(await changedPaths(checkout.root, at.tip, request.to))
  if (unusual.length > 0)
    return refuse(request, 'unusual_paths', `only git itself can write these paths: ${list(unusual)}`)
  return null
}
