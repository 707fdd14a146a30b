import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { quoteShell } from '../quote.ts'
import { readRef } from '../refs.ts'
import { changedPaths } from '../trees.ts'
import { headRef, type Checkout } from './checkouts.ts'
import { forward, isIndexAt, unusualPaths } from './forward.ts'
import { holdsLock, lockPath, mayLive, releaseLock, removeLeftRefLocks, thisHolder } from './lock.ts'
import { removeStage } from './place.ts'
import type { Followed, FollowIntent, FollowRequest } from './port.ts'
import { list, mergeCommand, refuse } from './refuse.ts'

/**
 * Finishes a fast-forward that a dead process left, or finds that it had not begun. Null: the checkout is entirely old or
 * entirely new, and our lock is gone. Otherwise nothing was touched, or the checkout cannot be completed safely, and the
 * refusal tells the user how to continue.
 */
export async function recover(intent: FollowIntent, request: FollowRequest): Promise<Followed | null> {
  const { root, gitDir, ref, from, to, token } = intent
  const checkout: Checkout = { root, gitDir }
  if (!existsSync(gitDir) || !existsSync(root)) return null // the checkout was removed, and its lock with it
  if (mayLive(intent.holder)) {
    return refuse(request, 'target_busy', `process ${intent.holder.pid} on ${intent.holder.host} is at it`)
  }
  // This file is written before it becomes the lock, so a process that died in between left it.
  await rm(join(gitDir, `belay-lock-${token}`), { force: true })
  if (!(await holdsLock(gitDir, token))) {
    await removeStage(checkout, token)
    return withoutLock(intent, request, checkout)
  }
  await request.intents.write({ ...intent, holder: thisHolder() })
  await removeLeftRefLocks(gitDir, request.repository.commonDir, ref, to)
  const tip = await readRef(root, ref)
  if ((await headRef(gitDir)) !== ref || (tip !== from && tip !== to)) {
    return interrupted(intent, request, `${ref} was moved, or another branch was checked out, meanwhile`)
  }
  const unusual = unusualPaths(await changedPaths(root, from, to))
  if (unusual.length > 0) return interrupted(intent, request, list(unusual))
  const outcome = await forward(intent, checkout, request.onStep ?? (() => {}), true)
  if (outcome.done) return null
  await removeStage(checkout, token)
  if (outcome.touched || outcome.why === 'moved') {
    return interrupted(intent, request, `these files hold neither the old nor the new content: ${list(outcome.paths)}`)
  }
  await releaseLock(gitDir, token)
  return null
}

/** The lock is gone: everything was done, nothing was begun, or somebody removed the lock by hand. */
async function withoutLock(intent: FollowIntent, request: FollowRequest, checkout: Checkout): Promise<Followed | null> {
  const { root, ref, from, to } = intent
  if ((await headRef(checkout.gitDir)) !== ref || (await readRef(root, ref)) !== to) return null
  if ((await isIndexAt(checkout, to)) || !(await isIndexAt(checkout, from))) return null
  // All files were written before the branch moved, so only the index is behind.
  const message = 'an interrupted update left the index behind: its lock was removed before Belay could finish'
  return refuse(request, 'interrupted', message, `git -C ${quoteShell(root)} reset --quiet`)
}

async function interrupted(intent: FollowIntent, request: FollowRequest, what: string): Promise<Followed> {
  const root = quoteShell(intent.root)
  const unlock = `rm -f ${quoteShell(lockPath(intent.gitDir))}`
  const isMoved = (await readRef(intent.root, intent.ref)) === intent.to
  const rest = isMoved ? `git -C ${root} reset --quiet` : `git -C ${root} stash -u && ${await mergeCommand(request)}`
  const after = isMoved ? '' : '; your changes are in `git stash` after the command'
  const message = `an interrupted update of ${intent.root} cannot be finished safely: ${what}${after}`
  return refuse(request, 'interrupted', message, `${unlock} && ${rest}`)
}
