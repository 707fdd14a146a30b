import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { isAlive, thisProcess } from '../../process/index.ts'
import type { Resources } from '../port.ts'

/** Control groups that enforce limits: one folder per controller in cgroup v1, one for all controllers in cgroup v2. */
export interface Cgroup {
  /** Files into which a process writes its pid to be limited, with all its descendants. */
  readonly joins: readonly string[]
  /** Limits that were reached so far, one sentence each. */
  reached(): readonly string[]
  /** Removes the groups; their processes must have ended. */
  remove(): void
}

/**
 * Creates control groups with these limits, or says why that is impossible (null limits need none). Also removes groups of dead
 * Belay processes. `proc`: the process whose groups are the parents.
 */
export function limitedGroup(resources: Resources, proc = '/proc/self'): { group: Cgroup } | { why: string } {
  const wanted = limitsOf(resources)
  const folders: string[] = []
  const remove = (): void => {
    for (let folder = folders.at(-1); folder !== undefined; folder = folders.at(-1)) {
      rmdirSync(folder)
      folders.pop() // only after success, so that a group in use is tried again
    }
  }
  const me = thisProcess()
  const name = `belay-${me.pid}-${me.startTime}-${randomId(8)}`
  try {
    const places = hierarchy(proc)
    for (const [controller, files] of Object.entries(wanted)) {
      const place = places.v1.get(controller) ?? places.v2
      if (place === null) return { why: `the kernel's "${controller}" controller is not to be had` }
      sweep(place)
      const folder = join(place, name)
      if (!folders.includes(folder)) {
        mkdirSync(folder)
        folders.push(folder)
      }
      for (const [file, value] of Object.entries(place === places.v2 ? files.v2 : files.v1)) {
        writeFileSync(join(folder, file), value)
      }
    }
  } catch (error) {
    remove()
    return { why: `no control group can be made (${(error as NodeJS.ErrnoException).code ?? String(error)})` }
  }
  const reached = (): readonly string[] => reachedIn(folders, resources)
  return { group: { joins: folders.map((folder) => join(folder, 'cgroup.procs')), reached, remove } }
}

/** Limits that were reached in the control groups of a process, one sentence each; empty if the process has ended. */
export function reachedBy(pid: number, resources: Resources): readonly string[] {
  try {
    const { v1, v2 } = hierarchy(`/proc/${pid}`, '/proc/self')
    const folders = [v1.get('memory') ?? v2, v1.get('pids') ?? v2].filter((one) => one !== null)
    return reachedIn([...new Set(folders)], resources)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The kernel's count for `word`; both cgroup versions use the same words. */
function countIn(folders: readonly string[], names: readonly string[], word: string): number {
  const files = folders.flatMap((folder) => names.map((name) => join(folder, name))).filter((file) => existsSync(file))
  const counts = files.map((file) => new RegExp(`^${word} (\\d+)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1])
  return Math.max(0, ...counts.map((count) => Number(count ?? 0)))
}

function reachedIn(folders: readonly string[], { memoryBytes, pids }: Resources): readonly string[] {
  const said: string[] = []
  if (countIn(folders, ['memory.oom_control', 'memory.events'], 'oom_kill') > 0) {
    const limit = memoryBytes === null ? '' : ` (${Math.round(memoryBytes / 2 ** 20)}m)`
    said.push(
      `the sandbox's limit on memory${limit} was reached, and the kernel ended a program: "memory" of the sandbox sets it`,
    )
  }
  if (countIn(folders, ['pids.events'], 'max') > 0) {
    const limit = pids === null ? '' : ` (${pids})`
    said.push(
      `the sandbox's limit on processes${limit} was reached, and no more could start: "pids" of the sandbox sets it`,
    )
  }
  return said
}

interface Files {
  readonly v1: Readonly<Record<string, string>>
  readonly v2: Readonly<Record<string, string>>
}

function limitsOf({ cpus, memoryBytes, pids }: Resources): Record<string, Files> {
  const limits: Record<string, Files> = {}
  const period = 100_000
  if (cpus !== null) {
    const quota = String(Math.max(1000, Math.round(cpus * period)))
    limits['cpu'] = {
      v1: { 'cpu.cfs_period_us': String(period), 'cpu.cfs_quota_us': quota },
      v2: { 'cpu.max': `${quota} ${period}` },
    }
  }
  if (memoryBytes !== null) {
    limits['memory'] = {
      v1: { 'memory.limit_in_bytes': String(memoryBytes) },
      v2: { 'memory.max': String(memoryBytes), 'memory.swap.max': '0' },
    }
  }
  if (pids !== null) limits['pids'] = { v1: { 'pids.max': String(pids) }, v2: { 'pids.max': String(pids) } }
  return limits
}

/** The groups of a process: per controller in cgroup v1, and in cgroup v2. */
function hierarchy(proc: string, mounts = proc): { v1: Map<string, string>; v2: string | null } {
  const own = readFileSync(`${proc}/cgroup`, 'utf8').trim().split('\n')
  // Mount points are as this process sees them, not as a container does.
  const v1 = new Map<string, string>()
  let v2: string | null = null
  for (const line of readFileSync(`${mounts}/mountinfo`, 'utf8').split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const [type, , options = ''] = after.split(' ')
    const mountPoint = before.split(' ')[4]
    if (mountPoint === undefined) continue
    if (type === 'cgroup2') v2 = join(mountPoint, own.find((one) => one.startsWith('0::'))?.slice(3) ?? '/')
    if (type !== 'cgroup') continue
    for (const controller of options.split(',')) {
      const mine = own.find((one) => one.split(':')[1]?.split(',').includes(controller))
      if (mine !== undefined) v1.set(controller, join(mountPoint, mine.split(':').slice(2).join(':')))
    }
  }
  return { v1, v2 }
}

/** Removes the groups of dead Belay processes; does nothing where there are no control groups. */
export function sweepGroups(proc = '/proc/self'): void {
  const { v1, v2 } = hierarchy(proc)
  for (const place of new Set([...v1.values(), ...(v2 === null ? [] : [v2])])) if (existsSync(place)) sweep(place)
}

function sweep(place: string): void {
  for (const entry of readdirSync(place)) {
    const [, pid, startTime] = /^belay-(\d+)-(\d+)-/.exec(entry) ?? []
    if (pid === undefined || startTime === undefined || isAlive({ pid: Number(pid), startTime })) continue
    try {
      rmdirSync(join(place, entry))
    } catch {
      // its processes are still dying; it is swept the next time
    }
  }
}
