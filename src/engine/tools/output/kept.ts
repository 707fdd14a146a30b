import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { randomId } from '../../../core/ids.ts'

/** The most bytes of one output that are kept. */
const KEPT_MAX = 64 << 20

/** The most bytes that one session keeps; the oldest files are deleted first. */
const ALL_MAX = 512 << 20

/** Where complete outputs are kept: in the session's own folder, outside the workspace. */
export function outputsFolder(store: string): string {
  return join(store, 'outputs')
}

/** A file for a complete output. Bytes beyond its limit are only counted. */
export interface KeptOutput {
  readonly path: string
  readonly lost: number
  write(chunk: Uint8Array): void
  close(): void
  /** Closes and deletes the file: it was not needed. */
  remove(): void
}

/**
 * Creates the file for an output of the tool `name`, readable by its owner only. Deletes the oldest outputs first, so that the
 * session keeps at most `all` bytes plus this one. `max`: the most bytes of this one.
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
