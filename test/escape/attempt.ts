/** One way in which a program might escape from a sandbox. Data only, because the docs are generated from it, too. */
import type { Resources } from '../../src/sandbox/index.ts'
import type { Machine } from './machine.ts'

/** Where attempts are made: `docker` and `podman` with the machine's own kernel, `gVisor` is a runtime of docker. */
export type Confinement = 'host' | 'os' | 'docker' | 'gVisor' | 'podman'

export interface Attempt {
  /** Names the mechanism. */
  readonly name: string
  /** What it tries, for the docs. */
  readonly tries: string
  /** Only root can do it at all: skipped, and said, where the tests are not run by root. */
  readonly root?: true
  /** Why this machine's kernel does not have it, so that it cannot be shown here; null: it has. Then it is skipped, and said. */
  missing?(): string | null
  /** Where it is not held to be stopped, and why: not tried there, and said, here and in the docs. */
  readonly unsure?: Partial<Readonly<Record<Confinement, string>>>
  /** What its sandboxes are limited to. */
  readonly limits?: Partial<Resources>
  /** A folder below the machine's with settings of the program's own. */
  readonly own?: string
  /** What may be written, or read, besides; below the machine's folder. */
  readonly write?: readonly string[]
  readonly read?: readonly string[]
  /** For /bin/sh: another program, in the same sandbox, before the script. */
  first?(machine: Machine): string
  /** A sandbox may refuse to be opened at all. */
  readonly refused?: true
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
