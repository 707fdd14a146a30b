/**
 * Who may write a session. Locks are numbered files `lock.N`; the highest number is the truth. Taking is `link(2)` of a whole
 * file to the next number, so exactly one of several takers gets it and nobody ever reads half a lock; a dead holder's lock is
 * never removed, only overtaken. Releasing writes the next number too, as free. The holder of N takes away what is below N - 1:
 * a taker that slept since it looked either finds its number taken or sees a higher one.
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { link, lstat, readFile, readdir, rm, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import { isAlive, thisHost, thisProcess } from '../process/index.ts'
import { writeNew } from './files.ts'

/** Who holds a session. */
export interface LockHolder {
  readonly token: string
  /** What it is doing: `exec`, `chat`, `delete`... */
  readonly purpose: string
  readonly host: string
  readonly boot: string
  readonly pid: number
  readonly startTime: string
  readonly acquiredAt: string
  /** When it last said that it lives. */
  readonly heartbeatAt: string
}

/** A lock that this process holds. */
export interface HeldLock {
  readonly holder: LockHolder
  /** Whether nobody has overtaken it; one look at a file. */
  isHeld(): Promise<boolean>
  /** When this resolves it no longer tidies up in the folder: only then may the folder be moved. */
  readonly tidied: Promise<void>
  /** Gives it back; does nothing when it is lost already. Safe to repeat. */
  release(): Promise<void>
  /** Stops being the holder without writing anything: the session's folder was just removed. */
  forget(): void
}

/** How often a holder says that it lives, and after which silence one on another host counts as dead. */
const HEARTBEAT_MS = 15_000
const SILENCE_MS = 120_000
/** A heartbeat that is further in the future was told by a clock that is wrong. */
const AHEAD_MS = 60_000

interface Latest {
  readonly number: number
  /** null: free. */
  readonly holder: LockHolder | null
  /** When the file system saw the last heartbeat, by its own clock, in milliseconds. */
  readonly changedAt: number
}

/** The living holder of the session in `folder`, or null when it can be taken. */
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
 * Takes the session in `folder`, also from a dead holder. Returns who holds it when somebody does. Throws `session_damaged` when
 * a number is the last that can be. `clock` is that of the file system in `folder`.
 */
export async function takeLock(
  folder: string,
  purpose: string,
  clock: (folder: string) => Promise<number> = folderClock,
): Promise<HeldLock | { readonly by: LockHolder }> {
  for (;;) {
    const found = await latest(folder)
    if (found.holder !== null) {
      // Only what the file system says of a clock that is ahead can be compared, and with its own clock alone.
      const now = isAhead(found.holder) ? await clock(folder) : Date.now()
      if (livesOn(found.holder, found.changedAt, now)) return { by: found.holder }
    }
    const holder = newHolder(purpose)
    const file = await place(folder, found.number + 1, { held: true, ...holder })
    if (file !== null) return hold(folder, found.number + 1, holder, file)
  }
}

/**
 * Frees the session whoever holds it; `token` (when not null) must still be the holder's. Returns whom it was taken from: null
 * when nobody held it or somebody else does by now. The former holder finds out at its next write.
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

/** Whether its host is another one whose clock is ahead: its heartbeat does not tell when it last lived. */
export function isAhead({ host, heartbeatAt }: LockHolder, now = Date.now()): boolean {
  return host !== thisHost().host && Date.parse(heartbeatAt) - now > AHEAD_MS
}

/**
 * Processes of this host are looked at; of others only their heartbeat is known. Where that is in the future, `changedAt` counts:
 * when the file system was told of it.
 */
function livesOn(holder: LockHolder, changedAt: number, now: number): boolean {
  const here = thisHost()
  if (holder.host !== here.host)
    return now - (isAhead(holder, now) ? changedAt : Date.parse(holder.heartbeatAt)) < SILENCE_MS
  return holder.boot === here.boot && isAlive({ pid: holder.pid, startTime: holder.startTime })
}

/** `file`: the lock, open. */
function hold(folder: string, number: number, holder: LockHolder, file: number): HeldLock {
  const inode = fstatSync(file).ino
  // Its own file, and none above it: the whole session may have been removed and made anew.
  const isOurs = async (): Promise<boolean> =>
    (await inodeOf(lockFile(folder, number))) === inode && (await inodeOf(lockFile(folder, number + 1))) === null

  const beat = setInterval(() => {
    const now = new Date()
    void utimes(lockFile(folder, number), now, now).catch(() => {}) // overtaken and tidied away: `isHeld` tells
  }, HEARTBEAT_MS)
  beat.unref()
  let released = false
  const tidied = tidy(folder, number)
  tidied.catch(() => {}) // told to who waits for it, and by `release`
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

/** Now, by the clock of the file system that `folder` is on: on a network drive not that of this host. */
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
 * What a lock file says; one that cannot be read (a power cut) belongs to nobody, nor does what is no file and was made by
 * somebody else. `gone` is one tidied away meanwhile.
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
 * Writes lock number `number` and returns it, open: until it is closed no other file gets its inode. null when somebody else has
 * it, or a later one, or the session was removed.
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
  await unlink(lockFile(folder, number)).catch(() => {}) // the one above may have tidied it away
  return null
}

/** A taker's file that is older than this was left by one that died. */
const LEFT_MS = 600_000

/** Takes away what is long overtaken, and what takers that died left. */
async function tidy(folder: string, number: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    const file = join(folder, name)
    const old = Number(/^lock\.([1-9]\d*)$/.exec(name)?.[1])
    if (old < number - 1 || (name.startsWith('lock~') && (await isLeft(file)))) await unlink(file).catch(() => {}) // somebody else did
  }
}

/** Nothing, when the session was removed meanwhile. */
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
