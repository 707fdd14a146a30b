import { realpath } from 'node:fs/promises'
import { BelayError } from '../core/errors.ts'
import type { Access } from '../core/words.ts'
import type { Approver } from '../agents/port.ts'
import { SessionStore, newSessionId, type Session } from '../sessions/index.ts'
import { checkBudget, chooseAgent, configuredAgent } from './settings.ts'
import type { ExecLimits, TurnSetup } from './turn.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ExecOptions {
  /** Belay's state folder. */
  readonly home: string
  readonly env: Environment
  /** Where the agent works. */
  readonly cwd: string
  /** null: the configured implementer, else the engine. */
  readonly agent: string | null
  readonly model: string | null
  readonly effort: string | null
  readonly access: Access
  readonly limits: ExecLimits
  /** Id of the session to go on with, or to make; null: a new one. */
  readonly session: string | null
  /** `exec`, `chat`: what others are told who find the session in use. */
  readonly purpose: string
  /** Decides what policy leaves to a person; told the session that asks. */
  readonly approver: (session: Session) => Approver
  readonly signal: AbortSignal
}

/** A session that this process holds, and an agent ready to take turns in it. Close it whatever happens. */
export interface Exec {
  readonly session: Session
  readonly setup: TurnSetup
  /** What the user must be told before anything runs. */
  readonly warnings: readonly string[]
  close(): Promise<void>
}

/**
 * Opens a session (makes it when there is none of that id), chooses the agent, and makes its sandbox ready. Throws what can be
 * told before anything is spent: `held`, `agent_...`, `sandbox_...`, `budget_unknown_cost`, `config_invalid`.
 */
export async function openExec(options: ExecOptions): Promise<Exec> {
  const { home, env, access, limits } = options
  const cwd = await realpath(options.cwd).catch(() => null)
  if (cwd === null) throw new BelayError('no_folder', 'the folder to work in is not there', { received: options.cwd })
  const name = options.agent ?? (await configuredAgent(cwd, env))
  if (name === null) throw noAgent()
  const chosen = await chooseAgent(options, name, cwd, env)
  checkBudget(limits.budgetUsd, chosen)
  const { session, warnings } = await openSession(new SessionStore(home), options.session, options.purpose)
  const setup: TurnSetup = {
    ...chosen,
    access,
    cwd,
    limits,
    spawn: null,
    approve: chosen.agent.capabilities.approvals ? options.approver(session) : null,
    ownsHistory: false,
    finish: null,
  }
  return { session, setup, warnings, close: () => session.close() }
}

async function openSession(store: SessionStore, id: string | null, purpose: string) {
  const name = id ?? newSessionId(Date.now())
  if (id === null || (await store.find(name)) === null) {
    await store.create(name).catch((error: unknown) => {
      // Somebody else made it meanwhile: whether it is in use is seen when it is opened.
      if (!(error instanceof BelayError && error.code === 'session_exists')) throw error
    })
  }
  const session = await store.open(name, purpose)
  const { torn } = session
  const warning = `the last entry of session ${name} was cut off by a crash and was dropped (${torn} bytes)`
  return { session, warnings: torn > 0 ? [warning] : [] }
}

function noAgent(): BelayError {
  return new BelayError('agent_missing', 'nothing says which agent is to work', {
    expected: '--agent NAME, or an implementer in belay.yaml',
    next: 'belay agents list',
  })
}
