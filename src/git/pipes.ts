import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'

/** A git that is done by then waits for nobody. */
const PATIENCE_MS = 2000

/** Once there are pipes at which it waits, how often they are looked at. */
const ROUND_MS = 20

/** What git opens by its name; other pipes may be somebody's. */
const GITS = /\/\.git|\/(HEAD|config|commondir|packed-refs)$/

/** In /proc/PID/wchan of who opens a named pipe that nobody writes. */
const WAITS = 'wait_for_partner'

/**
 * git opens what has the name of a file of its own (`.gitignore`, `.git/HEAD`), and waits for ever where that is a named pipe,
 * which an agent can make anywhere in its workspace. As long as `pid` runs in `folder` it gets the end of file from every pipe
 * there that it opens; nothing is removed. Linux only: elsewhere nobody can tell that it waits. Returns what ends it.
 */
export function freeFromPipes(pid: number | undefined, folder: string): () => void {
  if (pid === undefined || process.platform !== 'linux') return () => {}
  let over = false
  const look = (): void => {
    if (!waits(pid)) return again(PATIENCE_MS, look)
    const words = [folder, '-xdev', '-type', 'p', '-print0']
    execFile('find', words, { maxBuffer: 64 << 20, encoding: 'utf8' }, (_, found) => {
      // Of a folder that cannot be read there is nothing to say, of the others there is.
      const pipes = found.split('\0').filter((path) => GITS.test(path))
      const open = (): void => {
        for (const path of pipes) endOfFile(path)
        again(ROUND_MS, open)
      }
      if (pipes.length > 0) open()
      else again(PATIENCE_MS, look)
    })
  }
  let timer = setTimeout(look, PATIENCE_MS).unref()
  function again(ms: number, next: () => void): void {
    if (!over) timer = setTimeout(next, ms).unref()
  }
  return () => {
    over = true
    clearTimeout(timer)
  }
}

function waits(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'utf8') === WAITS
  } catch {
    return false // it has ended
  }
}

/** Opens and closes a pipe for writing: who waits for a writer reads its end. */
function endOfFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW))
  } catch {
    // Nobody waits at this one, or it is gone.
  }
}
