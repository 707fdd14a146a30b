import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { hostname, uptime } from 'node:os'

/** A process that cannot be confused with a later one of the same pid: start time as the kernel counts it. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque; equal only for the same process of the same boot. */
  readonly startTime: string
}

/** The machine and its boot; processes of another boot are dead. */
export interface HostIdentity {
  readonly host: string
  readonly boot: string
}

/** When `pid` started, or null when there is no such process (or it is a zombie). */
export function startTimeOf(pid: number): string | null {
  if (process.platform === 'linux') {
    let stat: string
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    } catch {
      return null // no such process, or it went while we looked
    }
    // The command name (field 2) may hold spaces and parentheses: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
  } catch {
    return null // ps exits 1 when there is no such process
  }
}

/** Whether `pid` is stopped (Ctrl-Z, SIGSTOP): it lives, and does nothing. */
export function isStopped(pid: number): boolean {
  try {
    const state =
      process.platform === 'linux'
        ? /\) (\S)[^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
        : execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim()[0]
    return state === 'T' || state === 't'
  } catch {
    return false // gone
  }
}

let host: HostIdentity | undefined

/** This host and its boot. */
export function thisHost(): HostIdentity {
  host ??= { host: hostname(), boot: bootId() }
  return host
}

function bootId(): string {
  if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  // Rounded to ten seconds: uptime and clock are not read at the same instant.
  return String(Math.round((Date.now() / 1000 - uptime()) / 10))
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  const startTime = startTimeOf(process.pid)
  if (startTime === null) throw new Error('this process cannot see itself in the process table')
  return { pid: process.pid, startTime }
}

/** Whether exactly this process still lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime
}
