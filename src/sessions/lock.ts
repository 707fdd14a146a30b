/**
 * Locks that decide who may write to a session. Locks are files `lock.N`; the one with the highest number counts. Taking a lock
 * is a `link(2)` of a complete file to the next number, so exactly one of several takers succeeds and nobody reads half a lock.
 * A dead holder's lock is never removed, only superseded by the next number. Releasing also writes the next number, marked as
 * free. The holder of N removes the locks below N - 1: a taker that was suspended since its check either finds its number taken
 * or sees a higher one.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { link, lstat, readFile, readdir, rm, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import { isAlive, thisHost, thisProcess } from '../process/index.ts'
import { writeNew } from './files.ts'

/** The holder of a session. */
export interface LockHolder {
  readonly token: string
  /** What the holder does: `exec`, `chat`, `delete`... */
  readonly purpose: string
  readonly host: string
  readonly boot: string
  readonly pid: number
  readonly startTime: string
  readonly acquiredAt: string
  /** Time of the last heartbeat. */
  readonly heartbeatAt: string
}

/** A lock that this process holds. */
export interface HeldLock {
  readonly holder: LockHolder
  /** Whether nobody has superseded the lock; costs a look at two files. */
  isHeld(): Promise<boolean>
  /** Resolves when the lock no longer removes files in the folder. The folder must not be moved before. */
  readonly tidied: Promise<void>
  /** Releases the lock; does nothing if it is lost already. Repeatable. */
  release(): Promise<void>
  /** Stops being the holder without writing anything, for a session whose folder was just removed. */
  forget(): void
}

/** Interval of heartbeats, and how long a holder on another host must be silent to count as dead, both in ms. */
const HEARTBEAT_MS = 15_000
const SILENCE_MS = 120_000
/** A heartbeat further in the future than this comes from a wrong clock. */
const AHEAD_MS = 60_000

interface Latest {
  readonly number: number
  /** null: free. */
  readonly holder: LockHolder | null
  /** When the file system saw the last heartbeat, by its own clock, in ms. */
  readonly changedAt: number
}

/**
 * The living holder of the session in `folder`; null: it can be taken. `now`: the time of the folder's file system, or nearly;
 * only `takeLock` asks for it exactly.
 */
export async function lockHolder(folder: string, now = Date.now()): Promise<LockHolder | null> {
  try {
    const found = await latest(folder)
    return found.holder !== null && livesOn(found.holder, found.changedAt, now) ? found.holder : null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null // the session was removed meanwhile
    throw error
  }
}

/**
 * Takes the session in `folder`, also from a dead holder. Returns the holder if a living one has it. Throws `session_damaged`
 * if the highest number leaves no next one. `clock` returns the time of the folder's file system.
 */
export async function takeLock(
  folder: string,
  purpose: string,
  clock: (folder: string) => Promise<number> = folderClock,
): Promise<HeldLock | { readonly by: LockHolder }> {
  for (;;) {
    const found = await latest(folder)
    if (found.holder !== null) {
      // The clock of another host may be wrong, so its holder is judged by the file system's times and clock.
      const now = isElsewhere(found.holder) ? await clock(folder) : Date.now()
      if (livesOn(found.holder, found.changedAt, now)) return { by: found.holder }
    }
    const holder = newHolder(purpose)
    const file = await place(folder, found.number + 1, { held: true, ...holder })
    if (file !== null) return hold(folder, found.number + 1, holder, file)
  }
}

/**
 * Frees the session from any holder; a `token` that is not null must still be the holder's. Returns that holder, or null if
 * there was none or another one holds the session by now. The former holder notices at its next write.
 */
export async function breakLock(folder: string, token: string | null = null): Promise<LockHolder | null> {
  for (;;) {
    const { number, holder } = await latest(folder)
    if (holder === null || (token !== null && holder.token !== token)) return null
    const file = await place(folder, number + 1, { held: false })
    if (file === null) continue
    closeSync(file)
    await tidy(folder, number + 1)
    return holder
  }
}

function newHolder(purpose: string): LockHolder {
  const now = new Date().toISOString()
  const { pid, startTime } = thisProcess()
  return { token: randomId(16), purpose, ...thisHost(), pid, startTime, acquiredAt: now, heartbeatAt: now }
}

function isElsewhere({ host }: LockHolder): boolean {
  return host !== thisHost().host
}

/** Whether the holder is on another host whose clock is ahead, so that its heartbeat does not tell when it was last alive. */
export function isAhead(holder: LockHolder): boolean {
  return isElsewhere(holder) && Date.parse(holder.heartbeatAt) - Date.now() > AHEAD_MS
}

/**
 * Whether a holder is alive. On this host its process is checked; of other hosts only the time of the last heartbeat is known,
 * `changedAt`.
 */
function livesOn(holder: LockHolder, changedAt: number, now: number): boolean {
  if (isElsewhere(holder)) return now - changedAt < SILENCE_MS
  return holder.boot === thisHost().boot && isAlive({ pid: holder.pid, startTime: holder.startTime })
}

/** `file`: the descriptor of the open lock. */
function hold(folder: string, number: number, holder: LockHolder, file: number): HeldLock {
  const inode = fstatSync(file).ino
  // Its own file must be there, and none above it: the whole session may have been removed and created again.
  const isOurs = async (): Promise<boolean> =>
    (await inodeOf(lockFile(folder, number))) === inode && (await inodeOf(lockFile(folder, number + 1))) === null

  const beat = setInterval(() => {
    const now = new Date()
    void utimes(lockFile(folder, number), now, now).catch(() => {}) // superseded and removed: `isHeld` reports it
  }, HEARTBEAT_MS)
  beat.unref()
  let released = false
  const tidied = tidy(folder, number)
  tidied.catch(() => {}) // reported to whoever awaits it, and by `release`
  return {
    holder,
    tidied,
    isHeld: async () => !released && (await isOurs()),
    async release() {
      if (released) return
      released = true
      clearInterval(beat)
      try {
        const free = (await isOurs()) ? await place(folder, number + 1, { held: false }) : null
        if (free !== null) {
          closeSync(free)
          await tidy(folder, number + 1)
        }
      } finally {
        closeSync(file)
        await tidied
      }
    },
    forget() {
      if (released) return
      released = true
      clearInterval(beat)
      closeSync(file)
    },
  }
}

async function inodeOf(file: string): Promise<number | null> {
  return (await lstat(file).catch(() => null))?.ino ?? null
}

function lockFile(folder: string, number: number): string {
  return join(folder, `lock.${number}`)
}

async function numbers(folder: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir(folder)) {
    const number = /^lock\.([1-9]\d*)$/.exec(name)?.[1]
    if (number !== undefined) found.push(Number(number))
  }
  return found
}

async function latest(folder: string): Promise<Latest> {
  for (;;) {
    const number = Math.max(0, ...(await numbers(folder)))
    if (number === 0) return { number, holder: null, changedAt: 0 }
    if (number >= Number.MAX_SAFE_INTEGER) throw lastNumber(folder)
    const lock = await readLock(lockFile(folder, number))
    if (lock !== 'gone') return { number, ...lock }
  }
}

function lastNumber(folder: string): BelayError {
  return new BelayError('session_damaged', `${folder} has a lock.N with an impossible number`, {
    expected: 'lock.1, lock.2 and so on, as Belay counts them',
    received: 'a number with 16 digits or more',
    next: `when no belay works in this session, remove the lock.N with that number from ${folder}`,
  })
}

/** The current time by the clock of the folder's file system, which on a network drive is not that of this host. */
async function folderClock(folder: string): Promise<number> {
  const temporary = join(folder, `lock~${randomId(10)}`)
  try {
    await writeNew(temporary, '')
    return (await stat(temporary)).ctimeMs
  } finally {
    await rm(temporary, { force: true })
  }
}

/**
 * The content of a lock file. One that cannot be parsed (a power cut) or is not a regular file (made by somebody else) has no
 * holder. `gone`: it was removed meanwhile.
 */
async function readLock(file: string): Promise<Omit<Latest, 'number'> | 'gone'> {
  const nobody = { holder: null, changedAt: 0 }
  try {
    const found = await lstat(file)
    if (!found.isFile()) return nobody
    const holder = holderIn(await readFile(file, 'utf8'), found.mtime)
    return holder === null ? nobody : { holder, changedAt: found.ctimeMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone'
    if (error instanceof SyntaxError) return nobody
    throw error
  }
}

function holderIn(text: string, heartbeat: Date): LockHolder | null {
  const found = JSON.parse(text) as (Partial<LockHolder> & { readonly held?: unknown }) | null
  const { token, purpose, host, boot, pid, startTime, acquiredAt } = found ?? {}
  const whole =
    found?.held === true &&
    typeof pid === 'number' &&
    [token, purpose, host, boot, startTime, acquiredAt].every((one) => typeof one === 'string')
  if (!whole) return null
  return { token, purpose, host, boot, pid, startTime, acquiredAt, heartbeatAt: heartbeat.toISOString() } as LockHolder
}

/**
 * Writes lock number `number` and returns it open, because until it is closed no other file can get its inode. null: somebody
 * else has that number or a later one, or the session was removed.
 */
async function place(folder: string, number: number, content: object): Promise<number | null> {
  const temporary = join(folder, `lock~${randomId(10)}`)
  let file: number | null = null
  let isPlaced = false
  try {
    await writeNew(temporary, `${JSON.stringify(content)}\n`)
    file = openSync(temporary, 'r')
    await link(temporary, lockFile(folder, number))
    isPlaced = Math.max(...(await numbers(folder))) === number
    if (isPlaced) return file
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  } finally {
    if (!isPlaced && file !== null) closeSync(file)
    await rm(temporary, { force: true })
  }
  await unlink(lockFile(folder, number)).catch(() => {}) // the holder of a higher one may have removed it
  return null
}

/** A taker's temporary file older than this, in ms, was left by a dead process. */
const LEFT_MS = 600_000

/** Removes locks that were superseded long ago, and temporary files of dead takers. */
async function tidy(folder: string, number: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    const file = join(folder, name)
    const old = Number(/^lock\.([1-9]\d*)$/.exec(name)?.[1])
    if (old < number - 1 || (name.startsWith('lock~') && (await isLeft(file)))) await unlink(file).catch(() => {}) // already gone
  }
}

/** Empty if the session was removed meanwhile. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function isLeft(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => null)
  return found !== null && Date.now() - found.mtimeMs > LEFT_MS
}
