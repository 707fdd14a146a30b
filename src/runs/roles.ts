import { agentEnvironment } from '../agents/environment.ts'
import type { Agent, Probe } from '../agents/port.ts'
import { hasPrice } from '../agents/prices.ts'
import { findAgent } from '../agents/registry.ts'
import type { Config, RoleConfig } from '../config/index.ts'
import { BelayError } from '../core/errors.ts'
import type { RoleSetup } from '../programs/shared/role.ts'
import { refuseUnknownCost } from '../programs/shared/budget.ts'
import { inSandbox } from './sandboxes.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The agents of a run, from its configuration. */
export function rolesOf(config: Config, env: Environment): { implementer: RoleSetup; reviewer: RoleSetup } {
  const { implementer, reviewer } = config.workflow.roles
  return {
    implementer: withPolicy(setUp(implementer, env), config),
    reviewer: withPolicy(setUp(reviewer, env), config),
  }
}

/** The same agents, with the command policy and model services of a configuration. */
export function withPolicy(
  setup: RoleSetup,
  { policy, approvals, providers }: Pick<Config, 'policy' | 'approvals' | 'providers'>,
): RoleSetup {
  const under = { policy, askMs: approvals?.waitMs ?? null, services: providers }
  const failover = setup.failover?.map((one) => ({ ...one, ...under }))
  return { ...setup, ...under, ...(failover ? { failover } : {}) }
}

/** An agent as configured, with its failover agents. */
export function setUp(role: RoleConfig, env: Environment): RoleSetup {
  const own = setUpOne(role, env)
  const failover = (role.failover ?? []).map((one) => setUpOne({ ...role, ...one }, env))
  return failover.length === 0 ? own : { ...own, failover }
}

function setUpOne(role: RoleConfig, env: Environment): RoleSetup {
  return {
    agent: inSandbox(findAgent(role.provider), role.sandbox),
    model: role.model,
    effort: role.effort,
    access: role.access,
    timeoutMs: role.timeoutMs,
    stallMs: role.stallMs,
    env: agentEnvironment(env, role.env),
    command: role.command,
  }
}

/** Throws if a role has no agent that is installed and logged in, or if the money limit could not be enforced. */
export async function checkRoles(
  config: Pick<Config, 'budget'>,
  roles: Readonly<Record<string, RoleSetup>>,
): Promise<void> {
  if (config.budget.unknownCost === 'refuse') {
    refuseUnknownCost(
      config.budget.usd,
      Object.entries(roles).flatMap(([role, setup]) =>
        [setup, ...(setup.failover ?? [])].map((one) => ({ role, knowsCost: knowsCost(one) })),
      ),
    )
  }
  await Promise.all(Object.entries(roles).map(([role, setup]) => checkAny(role, setup)))
}

/** One usable agent of a role is enough, since failover agents exist for that. Otherwise throws the problem of the first. */
async function checkAny(role: string, setup: RoleSetup): Promise<void> {
  const looked = await Promise.allSettled([setup, ...(setup.failover ?? [])].map((one) => checkInstalled(role, one)))
  if (looked.some(({ status }) => status === 'fulfilled')) return
  const first = looked[0]
  if (first?.status === 'rejected') throw first.reason
}

function knowsCost({ agent, model }: RoleSetup): boolean {
  return agent.capabilities.usage === 'reported' || (agent.capabilities.usage === 'tokens' && hasPrice(model))
}

/**
 * Successful probes, kept because a run is checked before it is stored and again when it is driven, and because roles share
 * agents.
 */
const looks = new Map<string, Promise<Probe>>()

async function checkInstalled(role: string, { agent, env, command, model, services }: RoleSetup): Promise<void> {
  const key = JSON.stringify([agent.provider, command, env])
  const looking = looks.get(key) ?? agent.probe(env, command, 'start')
  looks.set(key, looking)
  const probe = await looking
  // The user may fix the problem before the next probe.
  if (!probe.installed || probe.loggedIn === false) looks.delete(key)
  if (!probe.installed) throw missing(role, agent, command, probe)
  if (probe.loggedIn === false) {
    throw new BelayError('agent_not_logged_in', `the ${role} (${agent.provider}) is not logged in`, {
      expected: 'a login or an API key',
      ...(probe.hint === null ? {} : { next: probe.hint }),
    })
  }
  await agent.checkModel?.({ model, env, services })
}

function missing(role: string, agent: Agent, command: readonly string[] | null, { path, hint }: Probe): BelayError {
  const why = path === null ? 'is not there' : 'does not run'
  return new BelayError('agent_missing', `the ${role} (${agent.provider}) cannot be started: its program ${why}`, {
    expected: 'an installed program',
    received: path ?? command?.[0] ?? `no ${agent.provider} on PATH`,
    next: hint ?? 'belay doctor',
  })
}
