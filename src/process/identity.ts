import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { hostname, uptime } from 'node:os'

/** Identifies a process. The kernel's start time tells it from a later process with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque; equal only for the same process in the same boot. */
  readonly startTime: string
}

/** A machine and its current boot. Processes of an earlier boot are dead. */
export interface HostIdentity {
  readonly host: string
  readonly boot: string
}

/** When `pid` started, as an opaque text; null: there is no such process, or it is a zombie. */
export function startTimeOf(pid: number): string | null {
  if (process.platform === 'linux') {
    let stat: string
    try {
      stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    } catch {
      return null // no such process, or it ended in the meantime
    }
    // The command name (field 2) may contain spaces and parentheses, so fields are counted from the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
  } catch {
    return null // ps exits with 1 when there is no such process
  }
}

/** Whether `pid` is stopped (Ctrl-Z, SIGSTOP). A stopped process is alive but does nothing. */
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
  // Rounded to ten seconds, because uptime and clock are not read at the same instant.
  return String(Math.round((Date.now() / 1000 - uptime()) / 10))
}

/** The identity of this process. */
export function thisProcess(): ProcessIdentity {
  const startTime = startTimeOf(process.pid)
  if (startTime === null) throw new Error('this process cannot see itself in the process table')
  return { pid: process.pid, startTime }
}

/** Whether exactly this process is still alive. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime
}
