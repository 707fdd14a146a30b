import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { randomId } from '../../../core/ids.ts'

/** The most of one output that is kept aside. */
const KEPT_MAX = 64 << 20

/** The most that one session keeps; the oldest go first. */
const ALL_MAX = 512 << 20

/** Where whole outputs are kept, in the session's own folder outside of the workspace. */
export function outputsFolder(store: string): string {
  return join(store, 'outputs')
}

/** A file that takes a whole output. What does not fit is counted. */
export interface KeptOutput {
  readonly path: string
  readonly lost: number
  write(chunk: Uint8Array): void
  close(): void
  /** Closes and removes it: it was not needed. */
  remove(): void
}

/**
 * Makes the file for an output of the tool `name`; for its owner only. What the session keeps in all stays within `all` bytes
 * and one output.
 */
export function keepOutput(store: string, name: string, max = KEPT_MAX, all = ALL_MAX): KeptOutput {
  const folder = outputsFolder(store)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  dropOldest(folder, all)
  const path = join(folder, `${name}-${randomId(10)}.txt`)
  const fd = openSync(path, 'wx', 0o600)
  let room = max
  let lost = 0
  return {
    path,
    get lost() {
      return lost
    },
    write(chunk) {
      const part = chunk.subarray(0, room)
      for (let at = 0; at < part.length;) at += writeSync(fd, part, at)
      room -= part.length
      lost += chunk.length - part.length
    },
    close: () => closeSync(fd),
    remove() {
      closeSync(fd)
      rmSync(path, { force: true })
    },
  }
}

function dropOldest(folder: string, all: number): void {
  const files = readdirSync(folder).map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name))
    return { path: join(folder, name), size, mtimeMs }
  })
  files.sort((a, b) => a.mtimeMs - b.mtimeMs)
  let sum = files.reduce((total, { size }) => total + size, 0)
  for (const { path, size } of files) {
    if (sum <= all) return
    rmSync(path)
    sum -= size
  }
}
