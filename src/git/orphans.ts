import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync, readdirSync } from 'node:fs'
import { endAll, findWith, startTimeOf } from '../process/index.ts'
import { GIT_MARK, gitMark } from './run.ts'

/** How long, in ms, a git whose Belay died may complete its work. Killing it would leave its locks. */
const GRACE_MS = 5000
const POLL_MS = 10

/**
 * Waits until no git process whose Belay died works in `folders` (or below); kills those that have not ended after `graceMs`.
 * Programs that git started and that are meant to stay (key agents, credential caches) are left alone.
 */
export async function endOrphans(folders: readonly string[], graceMs = GRACE_MS): Promise<void> {
  const find = (): number[] => {
    const dead = findWith(GIT_MARK, isOfDead).filter((pid) => isGit(programOf(pid)))
    if (dead.length === 0) return dead
    // Standing git processes (standing.ts) run in no folder of the repository; their environment names it.
    const named = new Set(findWith('GIT_DIR', (folder) => isBelow(folder, folders)))
    return dead.filter((pid) => named.has(pid) || worksIn(pid, folders))
  }
  const deadline = performance.now() + graceMs
  while (find().length > 0 && performance.now() < deadline) await pause()
  await endAll('a Belay that died (git)', find)
}

function isOfDead(mark: string): boolean {
  const pid = Number.parseInt(mark, 10)
  const startTime = Number.isInteger(pid) ? startTimeOf(pid) : null
  return startTime === null || gitMark({ pid, startTime }) !== mark
}

/** Whether any git process, whoever started it, works in one of the folders (or below) now; null: unknown, except on Linux. */
export function isGitAtWork(folders: readonly string[]): boolean | null {
  if (process.platform !== 'linux') return null
  return readdirSync('/proc').some((entry) => {
    const pid = Number(entry)
    return Number.isInteger(pid) && isGit(programOf(pid)) && worksIn(pid, folders)
  })
}

/** If the working directory of a process cannot be determined, it may be any folder. */
function worksIn(pid: number, folders: readonly string[]): boolean {
  if (process.platform !== 'linux') return true
  const cwd = cwdOf(pid)
  return cwd !== null && isBelow(cwd, folders)
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder}/`))
}

function isGit(program: string | null): boolean {
  return program !== null && /^git(?:$|-)/.test(program) && !/daemon|cache|fsmonitor/.test(program)
}

function programOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    return (
      execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
        .trim()
        .split('/')
        .at(-1) ?? null
    )
  } catch {
    return null // ended
  }
}

function cwdOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return null // ended, or another user's
  }
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}
