import type { Command } from 'commander'
import { stateHome } from '../../core/home.ts'
import type { ExecOptions } from '../../exec/index.ts'
import type { Io } from '../io.ts'
import { addWorkFlags, limitsOf, networkFlag, type WorkFlags } from './flags.ts'
import { addIsolationFlags, isolationOf, type IsolationFlags } from './isolation.ts'

/** The flags of `exec` and `chat`: agent, permissions, limits, workspace and session. */
export interface ExecFlags extends WorkFlags, IsolationFlags {
  session?: string
}

export function addExecFlags(command: Command): Command {
  return addIsolationFlags(addWorkFlags(command)).option(
    '--session <session>',
    'continue this session (see: belay session list), or begin it',
  )
}

/** The options from the flags. Throws `usage`. */
export function execOptions(io: Io, flags: ExecFlags): Omit<ExecOptions, 'purpose' | 'approver' | 'signal'> {
  return {
    home: stateHome(io.env),
    env: io.env,
    cwd: io.cwd,
    isolation: isolationOf(flags, io.cwd),
    agent: flags.agent ?? null,
    model: flags.model ?? null,
    effort: flags.effort ?? null,
    definition: flags.definition ?? null,
    access: flags.access ?? null,
    sandbox: flags.sandbox ?? null,
    network: networkFlag(flags.network),
    limits: limitsOf(flags),
    session: flags.session ?? null,
    updatePolicy: flags.updatePolicy === true,
  }
}
