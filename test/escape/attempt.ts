/** One way in which something might get out of a sandbox. Data only: the docs are made from it, too. */
import type { Machine } from './machine.ts'

export interface Attempt {
  /** Names the mechanism. */
  readonly name: string
  /** What it tries, for the docs. */
  readonly tries: string
  /** Only root can do it at all: skipped, and said, where the tests are not run by root. */
  readonly root?: true
  readonly limits?: true
  /** A folder below the machine's with settings of the program's own. */
  readonly own?: string
  /** The workspace, below the machine's folder; absent: the worktree. It is made when it is not there. */
  readonly workspace?: string
  /** Puts what is to be reached onto the machine. */
  prepare?(machine: Machine): void | Promise<void>
  /** For /bin/sh, in the workspace; prints what it got. */
  script(machine: Machine): string
  /** Goes on beside the script: whether it got out. */
  during?(machine: Machine): Promise<boolean>
  /** Whether it got out; by default when it printed `machine.token`. */
  escaped?(machine: Machine, out: string): boolean | Promise<boolean>
}
