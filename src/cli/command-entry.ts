import type { Command } from 'commander'
import type { Io } from './io.ts'

/** A command of belay, whose module is loaded only when the command is called. */
export interface CommandEntry {
  readonly name: string
  /** One line for `belay --help`. */
  readonly summary: string
  load(io: Io): Promise<Command>
}
