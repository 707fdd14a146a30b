import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'

/** A git that has ended by then is not waiting at a pipe. */
const PATIENCE_MS = 2000

/** How often the pipes are served once some have been found. */
const ROUND_MS = 20

/** Paths that git opens by name; other pipes may belong to somebody else. */
const GITS = /\/\.git|\/(HEAD|config|commondir|packed-refs)$/

/** Content of /proc/PID/wchan for a process that opens a named pipe without a writer. */
const WAITS = 'wait_for_partner'

/**
 * Git opens files by well-known names (`.gitignore`, `.git/HEAD`), and waits forever if one is a named pipe, which an agent can
 * create anywhere in its workspace. While `pid` runs in `folder`, it gets end of file from every such pipe there that it opens.
 * Nothing is removed. Linux only: elsewhere one cannot tell that git waits. Returns a function that ends this.
 */
export function freeFromPipes(pid: number | undefined, folder: string): () => void {
  if (pid === undefined || process.platform !== 'linux') return () => {}
  let over = false
  const look = (): void => {
    if (!waits(pid)) return again(PATIENCE_MS, look)
    const words = [folder, '-xdev', '-type', 'p', '-print0']
    execFile('find', words, { maxBuffer: 64 << 20, encoding: 'utf8' }, (_, found) => {
      // `find` fails for folders that cannot be read, but still lists the others.
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
    return false // ended
  }
}

/** Opens and closes a pipe for writing, which gives end of file to a process that waits for a writer. */
function endOfFile(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW))
  } catch {
    // No process waits at this pipe, or it is gone.
  }
}
