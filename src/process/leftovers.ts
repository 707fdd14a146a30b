import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { startTimeOf } from './identity.ts'

/** The environment variable that marks every process started for a task, so that escaped ones can be found again. */
export const MARK = 'BELAY_TASK'

/**
 * Pids of living processes that carry the mark `mark` in their environment, this process excepted. A process that
 * cleared its environment is not found: confinement, not this, is what stops a hostile one.
 */
export function findMarked(mark: string): number[] {
  return process.platform === 'linux' ? findInProc(mark) : findWithPs(mark)
}

function findInProc(mark: string): number[] {
  const needle = `\0${MARK}=${mark}\0`
  const found: number[] = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    let environ: string
    try {
      environ = readFileSync(`/proc/${pid}/environ`, 'latin1')
    } catch {
      continue // gone, or another user's
    }
    if (`\0${environ}\0`.includes(Buffer.from(needle, 'utf8').toString('latin1')) && startTimeOf(pid) !== null) {
      found.push(pid)
    }
  }
  return found
}

function findWithPs(mark: string): number[] {
  const table = execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 })
  return table
    .split('\n')
    .filter((line) => `${line} `.includes(` ${MARK}=${mark} `))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
}

/**
 * Kills every process that carries `mark` and waits until none is left; returns how many were found. Repeats because a
 * process can fork while it is being killed. Throws when some still live after many rounds (uninterruptible I/O).
 */
export async function endMarked(mark: string): Promise<number> {
  const ended = new Set<number>()
  for (let round = 0; round < 500; round++) {
    const found = findMarked(mark)
    if (found.length === 0) return ended.size
    for (const pid of found) {
      ended.add(pid)
      killQuietly(pid)
    }
    await new Promise((resolve) => setTimeout(resolve, 2 + round / 10))
  }
  throw new Error(`processes of ${mark} could not be ended: ${findMarked(mark).join(', ')}`)
}

/** SIGKILL to a pid, or to a group when negative; a process that is already gone is what was wanted. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
