import { link, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, thisHost, thisProcess, type HostIdentity, type ProcessIdentity } from '../../process/index.ts'

/**
 * Git's own lock of a checkout's index, held by Belay. While it exists, no git command of the user can change index, HEAD or
 * (by a commit) the branch. It contains our token from its first moment, so after a crash it can be told from a lock that
 * another git left.
 */
export function lockPath(gitDir: string): string {
  return join(gitDir, 'index.lock')
}

/** Takes the lock. False: somebody else kept it for all of `patienceMs`. */
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

/**
 * The lock appears with its content or not at all. Only on a file system without hard links is the content written after it.
 */
async function linkOrCreate(whole: string, lock: string, token: string): Promise<void> {
  try {
    await link(whole, lock)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await writeFile(lock, `${token}\n`, { flag: 'wx' })
  }
}

/** Whether the lock exists and was taken with `token`. */
export async function holdsLock(gitDir: string, token: string): Promise<boolean> {
  return (await readFile(lockPath(gitDir), 'utf8').catch(() => '')) === `${token}\n`
}

/** Releases the lock; a lock that is not ours stays. */
export async function releaseLock(gitDir: string, token: string): Promise<void> {
  if (await holdsLock(gitDir, token)) await unlink(lockPath(gitDir))
}

/**
 * Whether the holder of an intent may still be alive. A process on another machine cannot be checked and counts as alive; this
 * process itself does not count.
 */
export function mayLive(holder: HostIdentity & ProcessIdentity): boolean {
  const here = thisHost()
  if (holder.host !== here.host) return true
  return holder.boot === here.boot && isAlive(holder) && holder.pid !== process.pid
}

export function thisHolder(): HostIdentity & ProcessIdentity {
  return { ...thisHost(), ...thisProcess() }
}

/** Git holds a ref lock for microseconds; one that exists for this long was left by a git that was killed. */
const STALE_MS = 1000

/**
 * Removes ref locks that a killed `git update-ref` of ours left. Called only under our own index lock and after our own process
 * died, so that no commit of the user can have created them. Removes only locks that are younger than the index lock, persist,
 * and contain nothing or the commit that we were writing.
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
