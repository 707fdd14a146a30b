import { agentEnvironment } from '../agents/environment.ts'
import type { Agent, Probe } from '../agents/port.ts'
import type { Config, RoleConfig } from '../config/index.ts'
import type { Finding } from './doctor-finding.ts'

type Env = Readonly<Record<string, string | undefined>>

/** One finding for each agent that the configuration uses (it must work), and for each other known agent (for information). */
export async function agentFindings(agents: readonly Agent[], config: Config | null, env: Env): Promise<Finding[]> {
  const roles = config ? Object.entries(config.workflow.roles) : []
  const used = await Promise.all(roles.map(([name, role]) => roleFinding(name, role, agents, env)))
  const named = new Set(roles.map(([, role]) => role.provider as string))
  const others = agents.filter((agent) => !named.has(agent.provider) && agent.provider !== 'command')
  return [...used, ...(await Promise.all(others.map((agent) => otherFinding(agent, env))))]
}

async function roleFinding(role: string, config: RoleConfig, agents: readonly Agent[], env: Env): Promise<Finding> {
  const name = `${role} (${config.provider})`
  const agent = agents.find(({ provider }) => provider === config.provider)
  if (!agent) {
    const known = agents.map(({ provider }) => provider).join(', ')
    return {
      name,
      status: 'fail',
      message: 'Belay has no such agent',
      next: `set workflow.roles.${role}.provider to one of ${known}`,
    }
  }
  const probe = await agent.probe(agentEnvironment(env, config.env), config.command)
  if (!probe.installed) {
    return {
      name,
      status: 'fail',
      message: probe.path === null ? 'not installed' : `${probe.path} does not run`,
      next: probe.hint ?? `install ${config.provider} and put it on PATH`,
    }
  }
  if (probe.loggedIn === false) {
    return {
      name,
      status: 'fail',
      message: `${found(probe)}, not logged in`,
      next: probe.hint ?? `log in with ${config.provider}`,
    }
  }
  // A hint about an agent that works is still worth showing.
  if (probe.hint !== null) return { name, status: 'warn', message: found(probe), next: probe.hint }
  const login = probe.loggedIn === null ? ' (whether it is logged in shows with the first turn)' : ', logged in'
  return { name, status: 'ok', message: `${found(probe)}${config.provider === 'command' ? '' : login}`, next: null }
}

async function otherFinding(agent: Agent, env: Env): Promise<Finding> {
  const probe = await agent.probe(agentEnvironment(env), null)
  const missing = probe.path === null ? 'not installed' : `${probe.path} does not run`
  const message = probe.installed ? `${found(probe)}, not used by this configuration` : `${missing}, and not used`
  return { name: `agent (${agent.provider})`, status: 'ok', message, next: null }
}

function found({ path, version }: Probe): string {
  return [path ?? 'found', ...(version === null ? [] : [version])].join(' ')
}
