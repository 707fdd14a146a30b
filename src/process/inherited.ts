import { openSync, readFileSync, readdirSync } from 'node:fs'
import { devNull } from 'node:os'

/** Flag of a file descriptor that is closed on exec (O_CLOEXEC, Linux). */
const CLOSED_ON_EXEC = 0o2000000

/** Node itself keeps inherited descriptors below this number from its children. */
const FIRST = 16

export interface Inherited {
  readonly numbers: readonly number[]
  /** An open descriptor of /dev/null, which children get in place of each inherited one; null: there are none. */
  readonly nothing: number | null
}

let known: Inherited | undefined

/**
 * Descriptors that Belay was started with (`exec 30<file` in a shell) and that every child would inherit unasked. They would
 * bypass every sandbox. Determined once, because descriptors that Belay opens itself are closed on exec. Linux only; empty
 * elsewhere.
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
    return false // the descriptor by which the folder was read; closed by now
  }
}
