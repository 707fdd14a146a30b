import type { Command } from 'commander'
import type { Io } from '../io.ts'

export interface CommandEntry {
  readonly name: string
  /** One line for `belay --help`. */
  readonly summary: string
  load(io: Io): Promise<Command>
}

/** Every command, in the order of `belay --help`. The module of a command is loaded only when it is called. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    summary: 'do tasks: one proven, reviewed commit each',
    load: async (io) => (await import('./run.ts')).runCommand(io),
  },
  {
    name: 'resume',
    summary: 'go on with a run that was interrupted, suspended or waiting',
    load: async (io) => (await import('./resume.ts')).resumeCommand(io),
  },
  {
    name: 'status',
    summary: 'how the newest run (or RUN) stands',
    load: async (io) => (await import('./status.ts')).statusCommand(io),
  },
]
