import { openSync, readFileSync, readdirSync } from 'node:fs'
import { devNull } from 'node:os'

/** Flag of a descriptor that is closed when another program is started (O_CLOEXEC, Linux). */
const CLOSED_ON_EXEC = 0o2000000

/** Node keeps those below from its children by itself. */
const FIRST = 16

export interface Inherited {
  readonly numbers: readonly number[]
  /** What a child is to get in their place: an open descriptor of /dev/null; null when there are none. */
  readonly nothing: number | null
}

let known: Inherited | undefined

/**
 * Descriptors that Belay was started with (`exec 30<file` in a shell) and that a child would get, though nobody gave them to it:
 * they lead past every sandbox. Looked for once: what Belay opens itself is closed by itself. Linux only.
 */
export function inheritedDescriptors(): Inherited {
  if (known === undefined) {
    const numbers = process.platform === 'linux' ? find() : []
    known = { numbers, nothing: numbers.length === 0 ? null : openSync(devNull, 'r+') }
  }
  return known
}

function find(): readonly number[] {
  const numbers = readdirSync('/proc/self/fd').map(Number)
  return numbers.filter((number) => number >= FIRST && isInherited(number))
}

function isInherited(number: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0
  } catch {
    return false // the folder that was being read, closed meanwhile
  }
}
