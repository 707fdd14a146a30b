import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stateHome } from '../../core/home.ts'
import { isAlive, thisProcess } from '../../process/index.ts'

/**
 * Placeholders: empty folders that sandboxes create where nothing may be created while a program runs. Several Belay processes
 * may need the same one. Each first leaves a note in the state folder, and the last one removes the placeholder. The next Belay
 * removes what a killed one left.
 */

/** How many programs of this process need a placeholder, by path. */
const needed = new Map<string, number>()

/**
 * Whether a path holds nothing but a sandbox's placeholder, and so counts as missing for the next program. Content that the
 * user adds meanwhile (`git init`) makes it an ordinary folder.
 */
export function isPlaceholder(path: string): boolean {
  return (needed.has(path) || notesOf(path).some(isLive)) && isEmpty(path)
}

function isEmpty(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false
  try {
    return readdirSync(path).length === 0
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Creates a placeholder, or counts one more user of it. False: it cannot be created, or something else is there. */
export function addPlaceholder(path: string): boolean {
  const before = needed.get(path) ?? 0
  if (before > 0) {
    needed.set(path, before + 1)
    return true
  }
  return underLock(() => {
    const others = notesOf(path).some(isLive)
    writeFileSync(ownNote(path), path)
    try {
      mkdirSync(path)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      if (code !== 'EEXIST' || !others) {
        rmSync(ownNote(path), { force: true })
        // Something was created there, or we may not write there. In the second case programs inside, which run as the same
        // user, may not either.
        if (['EEXIST', 'EACCES', 'EROFS', 'EPERM', 'ENOENT'].includes(code)) return false
        throw error
      }
    }
    needed.set(path, 1)
    return true
  })
}

/** Removes a placeholder, unless others still need it or somebody has put something into it. */
export function removePlaceholder(path: string): void {
  const left = (needed.get(path) ?? 1) - 1
  if (left > 0) {
    needed.set(path, left)
    return
  }
  underLock(() => {
    needed.delete(path)
    rmSync(ownNote(path), { force: true })
    if (!notesOf(path).some(isLive)) removeEmpty(path)
  })
}

/** Removes placeholders of killed Belay processes. */
export function sweepPlaceholders(): void {
  if (notes().every(isLive)) return
  underLock(() => {
    for (const note of notes()) {
      if (isLive(note)) continue
      const path = readFileSync(join(folder(), note), 'utf8')
      // A note without its complete path was never acted on, because the note comes first.
      if (note.startsWith(`${keyOf(path)}-`) && !notesOf(path).some(isLive)) removeEmpty(path)
      rmSync(join(folder(), note), { force: true })
    }
  })
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    // Gone with its repository, or in use by now.
    const known = ['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS']
    if (!known.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function folder(): string {
  return join(stateHome(process.env), 'held')
}

function keyOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 32)
}

function ownNote(path: string): string {
  const { pid, startTime } = thisProcess()
  return join(folder(), `${keyOf(path)}-${pid}-${startTime}`)
}

function notes(): readonly string[] {
  try {
    return readdirSync(folder()).filter((name) => name !== LOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function notesOf(path: string): readonly string[] {
  const all = notes()
  if (all.length === 0) return all
  const key = `${keyOf(path)}-`
  return all.filter((name) => name.startsWith(key))
}

function isLive(note: string): boolean {
  const [, pid, startTime = ''] = note.split('-')
  return isAlive({ pid: Number(pid), startTime })
}

/** Whether a lock belongs to a killed Belay process. */
function isLeft(lock: string): boolean {
  try {
    const owner = readFileSync(lock, 'utf8')
    return owner !== '' && !isLive(owner)
  } catch {
    return false // released meanwhile
  }
}

const LOCK = 'lock'
/** The work under the lock takes less than a millisecond; only a stopped process holds it longer. */
const PATIENCE_MS = 2000

/** Runs `work` while no other Belay process does: the notes must not change between reading them and acting on them. */
function underLock<T>(work: () => T): T {
  const lock = join(folder(), LOCK)
  mkdirSync(folder(), { recursive: true, mode: 0o700 })
  const { pid, startTime } = thisProcess()
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      writeFileSync(lock, `-${pid}-${startTime}`, { flag: 'wx' })
      break
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOSPC' || code === 'EDQUOT') {
        // On a full disk no process can take the lock, but cleaning up must still be possible because it frees space.
        rmSync(lock, { force: true })
        return work()
      }
      if (code !== 'EEXIST') throw error
      if (isLeft(lock) || performance.now() > until) rmSync(lock, { force: true })
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
  try {
    return work()
  } finally {
    rmSync(lock, { force: true })
  }
}
