import { realpath } from 'node:fs/promises'
import { BelayError } from '../core/errors.ts'
import type { Access } from '../core/words.ts'
import type { Approver } from '../agents/port.ts'
import type { Network } from '../sandbox/index.ts'
import { SessionStore, checkSessionId, newSessionId, type Session } from '../sessions/index.ts'
import { confineAgent } from './confine.ts'
import { checkEngine, engineSetup, type EngineOptions } from './engine.ts'
import { policyFirst, policyFor } from './policy.ts'
import { checkBudget, chooseAgent, agentName } from './settings.ts'
import type { ExecLimits, TurnSetup } from './turn.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ExecOptions {
  /** Belay's state folder. */
  readonly home: string
  readonly env: Environment
  /** Where the agent works. */
  readonly cwd: string
  /** null: the engine when `model` is one of its, else the configured implementer, else the engine. */
  readonly agent: string | null
  readonly model: string | null
  readonly effort: string | null
  /** Name of an agent definition of the engine. */
  readonly definition: string | null
  readonly access: Access
  /** A backend's name; null: the engine's commands run in `os` where that works, other agents as they are. */
  readonly sandbox: string | null
  readonly network: Network | null
  readonly limits: ExecLimits
  /** Id of the session to go on with, or to make; null: a new one. */
  readonly session: string | null
  /** `exec`, `chat`: what others are told who find the session in use. */
  readonly purpose: string
  /** Decides what policy leaves to a person, for the session that asks; null: nobody is there. */
  readonly approver: (session: Session) => Approver | null
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
 * told before anything is spent or made: `held`, `agent_...`, `model_...`, `sandbox_...`, `budget_unknown_cost`, `config_invalid`.
 */
export async function openExec(options: ExecOptions): Promise<Exec> {
  const { env } = options
  if (options.session !== null) checkSessionId(options.session)
  const cwd = await realpath(options.cwd).catch(() => null)
  if (cwd === null) throw new BelayError('no_folder', 'the folder to work in is not there', { received: options.cwd })
  const name = await agentName(options, cwd, env)
  return name === 'engine' ? openEngine({ ...options, cwd }) : openOther({ ...options, cwd }, name)
}

async function openEngine(options: ExecOptions): Promise<Exec> {
  const { access, cwd, limits } = options
  const engine: EngineOptions = options
  await checkEngine(engine)
  const { session, warnings } = await openSession(options)
  try {
    const setup = await engineSetup(engine, session)
    return {
      session,
      // The engine asks its policy itself, and only what that leaves to a person comes here.
      setup: { ...setup, access, cwd, limits, approve: options.approver(session) },
      warnings,
      close: () => session.close(),
    }
  } catch (error) {
    await session.close()
    throw error
  }
}

async function openOther(options: ExecOptions, name: string): Promise<Exec> {
  const { access, cwd, env, limits } = options
  if (options.definition !== null) {
    throw new BelayError('usage', `an agent definition is for the engine, not for ${name}`, {
      expected: '--agent engine',
      received: name,
    })
  }
  const chosen = await chooseAgent(options, name, cwd, env)
  checkBudget(limits.budgetUsd, chosen)
  const confined = await confineAgent(chosen, options)
  try {
    const { session, warnings } = await openSession(options)
    const person = options.approver(session)
    const around = { cwd, access, confined: confined.confined }
    return {
      session,
      setup: {
        ...chosen,
        access: confined.access,
        cwd,
        limits,
        spawn: confined.spawn,
        approve: policyFirst(() => policyFor(cwd, env), around, person),
        ownsHistory: false,
        finish: null,
      },
      warnings: [...(confined.warning === null ? [] : [confined.warning]), ...warnings],
      async close() {
        await confined.close()
        await session.close()
      },
    }
  } catch (error) {
    await confined.close()
    throw error
  }
}

async function openSession({ home, session: id, purpose }: ExecOptions) {
  const store = new SessionStore(home)
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
