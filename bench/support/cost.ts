/** The cost of a program and everything that it started, as the kernel counts it (Linux; zeros elsewhere). */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** Processor time of this process's children and their descendants, in ms, counted once they have been waited for. */
export function childrenCpuMs(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The command name (field 2) may contain spaces and parentheses, so fields are counted from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[13]) + Number(fields[14])) * 10
  } catch {
    return 0
  }
}

export interface Memory {
  /** The largest resident size that any of the processes ever had, in MB, as `time` reports it. */
  readonly largest: number
  /** The most that all of them held at the same time, in MB; files mapped by processes of the same program count once. */
  readonly together: number
}

/**
 * Samples the memory of a process and its descendants until the returned function is called. Costs time, so do not use it where
 * time is measured.
 */
export function watchMemory(root: number, everyMs = 10): () => Memory {
  let largest = 0
  let together = 0
  const look = (): void => {
    const pids = family(root)
    largest = Math.max(largest, ...pids.map((pid) => amount(textOf(`/proc/${pid}/status`), /VmHWM:\s+(\d+)/)))
    together = Math.max(together, sumOf(pids))
  }
  const timer = setInterval(look, everyMs)
  return () => {
    clearInterval(timer)
    return { largest: largest / 1024, together: together / 1024 }
  }
}

function sumOf(pids: readonly number[]): number {
  const mapped = new Map<string, number>()
  let own = 0
  for (const pid of pids) {
    const status = textOf(`/proc/${pid}/status`)
    own += amount(status, /RssAnon:\s+(\d+)/) + amount(status, /RssShmem:\s+(\d+)/)
    const program = programOf(pid)
    mapped.set(program, Math.max(mapped.get(program) ?? 0, amount(status, /RssFile:\s+(\d+)/)))
  }
  return [...mapped.values()].reduce((sum, size) => sum + size, own)
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return '' // the process has ended
  }
}

function family(root: number): number[] {
  const found = [root]
  for (const pid of found) {
    try {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        found.push(...children.split(' ').filter(Boolean).map(Number))
      }
    } catch {
      // the process has ended, or this is not Linux
    }
  }
  return found
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the process has ended
  }
}

function amount(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
