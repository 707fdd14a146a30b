/** What a program and everything that it started cost, by the kernel's books (Linux; zeros elsewhere). */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** Processor time in ms that children of this process have used, with theirs, once they have been waited for. */
export function childrenCpuMs(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The command name (field 2) may hold spaces and parentheses: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[13]) + Number(fields[14])) * 10
  } catch {
    return 0
  }
}

export interface Memory {
  /** The largest resident size that one of the processes ever had, in MB: what `time` tells. */
  readonly largest: number
  /** The most that all of them held at once, in MB; the files that processes of one program map are counted once. */
  readonly together: number
}

/** Looks at a process and all below it until asked. Costs time: not for a run whose time counts. */
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
    return '' // it has ended
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
      // it has ended, or this is no Linux
    }
  }
  return found
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // it has ended
  }
}

function amount(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}
