import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stateHome } from '../../core/home.ts'
import { isAlive, thisProcess } from '../../process/index.ts'

/**
 * Empty folders that sandboxes put at places where nothing may come into being, for as long as a program runs. Several Belays
 * may need one: each leaves a note in the state folder first, and the last one removes the folder. What a killed Belay left is
 * removed by the next one.
 */

/** How many programs of this process need a place. */
const needed = new Map<string, number>()

/**
 * Whether a place has nothing but the empty folder that a sandbox put there: to the next program nothing is there either. What
 * the user puts into it meanwhile (`git init`) is there.
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

/** Makes the placeholder, or counts one more who needs it; false: it cannot be made, or something else is there. */
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
        // It came since, or we may not write there: then programs inside, being the same user, may not either.
        if (['EEXIST', 'EACCES', 'EROFS', 'EPERM', 'ENOENT'].includes(code)) return false
        throw error
      }
    }
    needed.set(path, 1)
    return true
  })
}

/** Removes the placeholder, unless others need it still or somebody uses the folder by now. */
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

/** Removes what killed Belays left. */
export function sweepPlaceholders(): void {
  if (notes().every(isLive)) return
  underLock(() => {
    for (const note of notes()) {
      if (isLive(note)) continue
      const path = readFileSync(join(folder(), note), 'utf8')
      // Without its whole path it was never acted on: the note comes first.
      if (note.startsWith(`${keyOf(path)}-`) && !notesOf(path).some(isLive)) removeEmpty(path)
      rmSync(join(folder(), note), { force: true })
    }
  })
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    // Gone with its repository, or somebody uses it by now.
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

/** Whether a lock is that of a Belay that was killed. */
function isLeft(lock: string): boolean {
  try {
    const owner = readFileSync(lock, 'utf8')
    return owner !== '' && !isLive(owner)
  } catch {
    return false // given up meanwhile
  }
}

const LOCK = 'lock'
/** The work under the lock takes less than a millisecond; longer has it only who was stopped. */
const PATIENCE_MS = 2000

/** Does something while no other Belay does: between looking at the notes and acting on them nothing may change. */
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
        // On a full disk nobody can take it, and what is over must still be tidied up: that makes room.
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
