import { realpath } from 'node:fs/promises'
import { BelayError } from '../core/errors.ts'
import type { Access } from '../core/words.ts'
import { agentEnvironment } from '../agents/environment.ts'
import { policyApprover, nobody } from '../agents/approvals/policy-approver.ts'
import type { Approver } from '../agents/port.ts'
import { refuseDeep } from '../process/index.ts'
import type { Network } from '../sandbox/index.ts'
import { checkSessionId, type Confinement, type Session } from '../sessions/index.ts'
import { confineAgent, roleRequest, type ConfinedProgram } from './confined-program.ts'
import { confinementOf, keepConfinement } from './session-confinement.ts'
import { checkEngine, engineSetup, type EngineOptions } from './engine.ts'
import { openPlace, type Isolation } from './place.ts'
import { policyOf } from './policy.ts'
import { checkBudget, chooseAgent, agentName, configFor, roleOf, standInHint } from './settings.ts'
import { watchConfig } from './config-watch.ts'
import type { TurnSetup } from './turn.ts'
import type { ExecLimits } from './turn-meter.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ExecOptions {
  /** Belay's state folder. */
  readonly home: string
  readonly env: Environment
  /** The user's folder, where the agent works unless the session has a workspace of its own. */
  readonly cwd: string
  readonly isolation: Isolation
  /** null: the engine if `model` is one of its models, else the configured implementer, else the engine. */
  readonly agent: string | null
  readonly model: string | null
  readonly effort: string | null
  /** Name of one of the engine's agent definitions. */
  readonly definition: string | null
  /** null: as in the session's last turn, else workspace-write. */
  readonly access: Access | null
  /**
   * A backend's name; null: as in the session's last turn, else the agent's own (definition, role), else `os` where that works.
   */
  readonly sandbox: string | null
  /** null: as in the session's last turn. */
  readonly network: Network | null
  readonly limits: ExecLimits
  /** Id of the session to continue or create; null: a new one. */
  readonly session: string | null
  /** Adopt the command policy that is configured now; otherwise the session keeps the one it began with. */
  readonly updatePolicy: boolean
  /** `exec`, `chat`: shown to others who find the session in use. */
  readonly purpose: string
  /** Decides what the policy leaves to a person, for the given session; null: nobody can. */
  readonly approver: (session: Session) => Approver | null
  readonly signal: AbortSignal
}

/** A session that this process holds, and an agent that is ready to take turns in it. It must be closed in any case. */
export interface Exec {
  readonly session: Session
  readonly setup: TurnSetup
  /** What the agent may do; `setup` has what the agent itself is told. */
  readonly confinement: Confinement
  /** What the user must be told before anything runs. */
  readonly warnings: readonly string[]
  /** Resolves with what the user must be told at the end. */
  close(): Promise<readonly string[]>
}

/**
 * Opens a session (creating it if there is none with that id), chooses the agent, and prepares its sandbox. Errors are thrown
 * before anything is spent or left behind: `held`, `agent_...`, `model_...`, `sandbox_...`, `budget_unknown_cost`,
 * `config_invalid`.
 */
export async function openExec(options: ExecOptions): Promise<Exec> {
  const { env } = options
  refuseDeep(env)
  if (options.session !== null) checkSessionId(options.session)
  const cwd = await realpath(options.cwd).catch(() => null)
  if (cwd === null) throw noFolder(options)
  const name = await agentName(options, cwd, env)
  const held = { ...options, cwd, ...(await confinementOf(options)) }
  const exec = await (name === 'engine' ? openEngine(held) : openOther(held, name))
  try {
    return await published(exec, { ...options, cwd })
  } catch (error) {
    await exec.close()
    throw error
  }
}

function noFolder({ cwd, session, purpose }: ExecOptions): BelayError {
  return new BelayError('no_folder', 'the folder to work in does not exist', {
    received: cwd,
    ...(session === null
      ? {}
      : {
          expected: 'the folder that the session worked in last',
          next: `go on with it in another folder: cd FOLDER && belay ${purpose === 'chat' ? 'chat' : 'exec PROMPT'} --session ${session}`,
        }),
  })
}

type HeldOptions = Omit<ExecOptions, keyof Confinement> & Confinement

/** Publishes the session's lines while it is open, if the configuration says so. */
async function published(exec: Exec, { home, cwd, env }: ExecOptions): Promise<Exec> {
  const nats = (await configFor(cwd, env))?.publish?.nats
  if (nats === undefined || nats.url === null) return exec
  // Loaded only if needed.
  const { publishSession } = await import('../publish/index.ts')
  const remarks: string[] = []
  const publishing = publishSession(home, exec.session, nats, env, (text) => remarks.push(text))
  return {
    ...exec,
    async close() {
      let own: readonly string[] = []
      try {
        // First, so that whoever continues the session does not wait for a server.
        own = await exec.close()
      } finally {
        await publishing.stop()
      }
      return [...own, ...remarks]
    },
  }
}

async function openEngine(options: HeldOptions): Promise<Exec> {
  const { access } = options
  const wanted = await engineOptions(options)
  const limits = await checkEngine(wanted)
  const engine = { ...wanted, limits }
  const place = await openPlace(options)
  const changed = watchConfig(options.cwd)
  const { session, cwd, step, warnings } = place
  try {
    const { policy, warning } = await policyOf(session, {
      cwd: options.cwd,
      env: options.env,
      update: options.updatePolicy,
    })
    const setup = await engineSetup(engine, session, policy)
    const confinement = await keepConfinement(session, options)
    return {
      session,
      confinement,
      // The engine applies its policy itself; only what the policy leaves to a person comes here.
      setup: { ...setup, access, cwd, step, limits, approve: options.approver(session) },
      warnings: [...(warning === null ? [] : [warning]), ...warnings],
      async close() {
        await session.close()
        return changed()
      },
    }
  } catch (error) {
    await place.undo()
    throw error
  }
}

/** The requested settings, completed from the engine's role. With a definition, only the role's environment is used. */
async function engineOptions(options: HeldOptions): Promise<EngineOptions> {
  const role = await roleOf('engine', options.cwd, options.env)
  const own = options.definition === null ? role : null
  return {
    ...options,
    env: agentEnvironment(options.env, role?.env),
    model: options.model ?? own?.model ?? null,
    effort: options.effort ?? own?.effort ?? null,
    sandbox: options.sandbox ?? own?.sandbox?.backend ?? null,
    more: await roleRequest(own?.sandbox ?? null, options.sandbox),
    services: (await configFor(options.cwd, options.env))?.providers,
  }
}

async function openOther(options: HeldOptions, name: string): Promise<Exec> {
  const { access, env, limits } = options
  if (options.definition !== null) {
    throw new BelayError('usage', `an agent definition is for the engine, not for ${name}`, {
      expected: '--agent engine',
      received: name,
    })
  }
  const chosen = await chooseAgent(options, name, options.cwd, env)
  const role = await roleOf(name, options.cwd, env)
  checkBudget(limits.budgetUsd, chosen)
  const place = await openPlace(options)
  const changed = watchConfig(options.cwd)
  const { session, cwd, step, warnings } = place
  let opened: ConfinedProgram | null = null
  try {
    const person = options.approver(session)
    const { policy, warning } = await policyOf(session, { cwd: options.cwd, env, update: options.updatePolicy })
    const confined = await confineAgent(chosen, { ...options, cwd })
    opened = confined
    const context = {
      policy: () => Promise.resolve(policy),
      cwd,
      access,
      confined: confined.confined,
      rest: 'ask' as const,
    }
    const confinement = await keepConfinement(session, options)
    return {
      session,
      confinement,
      setup: {
        ...chosen,
        access: confined.access,
        cwd,
        step,
        limits,
        spawn: confined.spawn,
        approve: policyApprover(context, person ?? nobody),
        ownsHistory: false,
        finish: null,
        hint: (reason) => confined.hint(reason) ?? standInHint(reason, session.id, role),
        services: undefined,
      },
      warnings: [confined.warning, warning, ...warnings].filter((one) => one !== null),
      async close() {
        try {
          return [...(await confined.close()), ...changed()]
        } finally {
          await session.close()
        }
      },
    }
  } catch (error) {
    await opened?.close()
    await place.undo()
    throw error
  }
}
