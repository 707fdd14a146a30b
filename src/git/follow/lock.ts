import { link, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, thisHost, thisProcess, type HostIdentity, type ProcessIdentity } from '../../process/index.ts'

/**
 * Git's own lock of a checkout's index, held by Belay: while it stands, no git command of the user can change index, HEAD
 * or (by a commit) the branch. It holds our token from its first moment, so that after a crash it can be told from a lock
 * that some other git left.
 */
export function lockPath(gitDir: string): string {
  return join(gitDir, 'index.lock')
}

/** Takes the lock; false when somebody else has it for the whole of `patienceMs`. */
export async function takeLock(gitDir: string, token: string, patienceMs: number): Promise<boolean> {
  const whole = join(gitDir, `belay-lock-${token}`)
  await writeFile(whole, `${token}\n`)
  try {
    const deadline = performance.now() + patienceMs
    for (;;) {
      try {
        await linkOrCreate(whole, lockPath(gitDir), token)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      if (performance.now() >= deadline) return false
      await pause()
    }
  } finally {
    await rm(whole, { force: true })
  }
}

/** The lock appears with its content, or not at all; only where the file system has no links, content follows at once. */
async function linkOrCreate(whole: string, lock: string, token: string): Promise<void> {
  try {
    await link(whole, lock)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await writeFile(lock, `${token}\n`, { flag: 'wx' })
  }
}

/** Whether the lock stands and is the one that was taken with `token`. */
export async function holdsLock(gitDir: string, token: string): Promise<boolean> {
  return (await readFile(lockPath(gitDir), 'utf8').catch(() => '')) === `${token}\n`
}

/** Gives the lock back; a lock that is not ours stays. */
export async function releaseLock(gitDir: string, token: string): Promise<void> {
  if (await holdsLock(gitDir, token)) await unlink(lockPath(gitDir))
}

/** Whether the process that holds an intent still lives, or may live: another machine cannot be asked. */
export function mayLive(holder: HostIdentity & ProcessIdentity): boolean {
  const here = thisHost()
  if (holder.host !== here.host) return true
  return holder.boot === here.boot && isAlive(holder) && holder.pid !== process.pid
}

export function thisHolder(): HostIdentity & ProcessIdentity {
  return { ...thisHost(), ...thisProcess() }
}

/** A ref lock of git's takes microseconds; one that stands this long was left by a git that was killed. */
const STALE_MS = 1000

/**
 * Removes the ref locks that a killed `git update-ref` of ours left. Only under our own index lock and after our own
 * process died, so that no commit of the user can be behind them; and only those that are younger than that lock, stand
 * still, and hold nothing or the commit that we were writing.
 */
export async function removeLeftRefLocks(gitDir: string, commonDir: string, ref: string, to: string): Promise<void> {
  const since = (await stat(lockPath(gitDir))).mtimeMs
  for (const path of [join(gitDir, 'HEAD.lock'), join(commonDir, `${ref}.lock`)]) {
    const deadline = performance.now() + STALE_MS
    while ((await isLeftover(path, since, to)) && performance.now() < deadline) await pause()
    if (await isLeftover(path, since, to)) await rm(path, { force: true })
  }
}

async function isLeftover(path: string, since: number, to: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  if (!found || found.mtimeMs < since) return false
  const content = await readFile(path, 'utf8').catch(() => null)
  return content !== null && (content === '' || content.trim() === to)
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20))
}
