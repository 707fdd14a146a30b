import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { startTimeOf } from './identity.ts'

/** The environment variable that marks every process started for a task, so that escaped processes can be found again. */
export const MARK = 'BELAY_TASK'

/**
 * The mark of processes that the holder of `epoch` starts for a task. It contains the epoch so that no holder ends another
 * holder's processes: a superseded Belay process that wakes up again finds only its own.
 */
export function taskMark(run: string, handle: string, epoch: number): string {
  return `${run}/${handle}/${epoch}`
}

/** The mark of an agent's program that keeps running between the turns of a run. */
export function standingMark(run: string, id: string): string {
  return `${run}/agents/${process.pid}-${id}`
}

/**
 * Ends the programs that other Belay processes kept running for a run (see `standingMark`) and their descendants, as `endAll`.
 */
export async function endStanding(run: string): Promise<number> {
  const stem = `${run}/agents/`
  const own = standingMark(run, '')
  return endAll(`agents of ${run}`, () => findWith(MARK, (mark) => mark.startsWith(stem) && !mark.startsWith(own)))
}

/**
 * Pids of living processes with the mark `mark` in their environment, except this process. A process that cleared its
 * environment is not found; only confinement stops a hostile one.
 */
export function findMarked(mark: string): number[] {
  return findWith(MARK, (value) => value === mark)
}

/**
 * Pids of living processes in whose environment the variable `name` has a wanted value, except this process. `since` may narrow
 * the search to processes started after that moment; it only saves time, so older ones can be returned too.
 */
export function findWith(name: string, isWanted: (value: string) => boolean, since: Moment | null = null): number[] {
  return process.platform === 'linux' ? findInProc(name, isWanted, since) : findWithPs(name, isWanted)
}

/** A moment, identified by the pid that the kernel assigned last. */
export interface Moment {
  readonly pid: number
  /** Milliseconds as from `performance.now()`. */
  readonly at: number
}

/** The current moment, for a later `findWith`. */
export function thisMoment(): Moment {
  return { pid: process.platform === 'linux' ? lastPid() : 0, at: performance.now() }
}

/**
 * Pids assigned since a moment are checked one by one only if they are few and pids cannot have wrapped around since. Otherwise
 * all processes are checked.
 */
const FEW_PIDS = 400
const FEW_MS = 200

function pidsSince(since: Moment | null): readonly number[] {
  if (since !== null && performance.now() - since.at < FEW_MS) {
    const given = lastPid() - since.pid
    if (given >= 0 && given <= FEW_PIDS) return Array.from({ length: given }, (_, n) => since.pid + 1 + n)
  }
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

function lastPid(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[4])
}

function findInProc(name: string, isWanted: (value: string) => boolean, since: Moment | null): number[] {
  const needle = Buffer.from(`\0${name}=`)
  const found: number[] = []
  for (const pid of pidsSince(since)) {
    if (pid === process.pid) continue
    let environ: Buffer
    try {
      environ = Buffer.concat([Buffer.from([0]), readFileSync(`/proc/${pid}/environ`), Buffer.from([0])])
    } catch {
      continue // ended, or another user's
    }
    const at = environ.indexOf(needle)
    if (at === -1) continue
    const start = at + needle.length
    const value = environ.toString('utf8', start, environ.indexOf(0, start))
    if (isWanted(value) && startTimeOf(pid) !== null) found.push(pid)
  }
  return found
}

function findWithPs(name: string, isWanted: (value: string) => boolean): number[] {
  const table = execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 })
  return table
    .split('\n')
    .filter((line) =>
      line.split(' ').some((word) => word.startsWith(`${name}=`) && isWanted(word.slice(name.length + 1))),
    )
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
}

/** Ends every process that carries `mark`, as `endAll`. */
export async function endMarked(mark: string): Promise<number> {
  return endAll(mark, () => findMarked(mark))
}

/** Ends the processes that earlier holders of a task (epochs below `epoch`) started for it, as `endAll`. */
export async function endEarlier(run: string, handle: string, epoch: number): Promise<number> {
  const stem = taskMark(run, handle, 0).slice(0, -1)
  const isEarlier = (mark: string): boolean => mark.startsWith(stem) && Number(mark.slice(stem.length)) < epoch
  return endAll(`${run}/${handle}`, () => findWith(MARK, isEarlier))
}

/**
 * Kills every process that `find` returns, repeatedly until it returns none, because a process can fork while it is being
 * killed. Returns how many were killed. Throws if some are still alive after 500 rounds (uninterruptible I/O).
 */
export async function endAll(what: string, find: () => number[]): Promise<number> {
  const ended = new Set<number>()
  for (let round = 0; round < 500; round++) {
    const found = find()
    if (found.length === 0) return ended.size
    for (const pid of found) {
      ended.add(pid)
      killQuietly(pid)
    }
    await new Promise((resolve) => setTimeout(resolve, 2 + round / 10))
  }
  throw new Error(`processes of ${what} could not be ended: ${find().join(', ')}`)
}

/**
 * Sends SIGKILL to a pid, or to a process group if `pid` is negative. A process that is already gone counts as killed. One that
 * now belongs to another user (`sudo`) is left alone.
 */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}
