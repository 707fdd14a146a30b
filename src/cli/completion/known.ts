/** Models and efforts that are known without asking a service: configured, used before, or listed for the named agent. */
import { PROVIDERS, providerNamed } from '../../config/providers.ts'
import { stateHome } from '../../core/home.ts'
import { MODEL_PROVIDER_NAMES } from '../../engine/model/providers.ts'
import { configFor } from '../../exec/settings.ts'
import { SessionStore } from '../../sessions/index.ts'
import type { Io } from '../io.ts'
import type { Offer } from './lists.ts'

/** Models of roles and of earlier sessions, restricted to `agent` if it is given; then the engine's services, as prefixes. */
export async function modelsKnown(io: Io, agent: string | null): Promise<Offer[]> {
  const found = new Map<string, string>()
  const config = await configFor(io.cwd, io.env).catch(() => null)
  for (const { provider, model } of Object.values(config?.workflow.roles ?? {}))
    if (model !== null && isOf(provider, agent)) found.set(model, `configured, ${provider}`)
  for (const { provider, model } of await new SessionStore(stateHome(io.env)).metas())
    if (model !== null && isOf(provider, agent) && !found.has(model)) found.set(model, `used before, ${provider ?? ''}`)
  const services =
    agent === null || agent === 'engine' ? [...Object.keys(config?.providers ?? {}), ...MODEL_PROVIDER_NAMES] : []
  return [
    ...[...found].map(([name, what]) => ({ name, what })),
    ...services.map((name) => ({ name: `${name}/`, what: 'a model of this service' })),
  ]
}

function isOf(provider: string | null, agent: string | null): boolean {
  return agent === null || provider === agent
}

/** Efforts of the named agent, or of any agent. */
export function effortsOf(_io: Io, agent: string | null): Promise<Offer[]> {
  const own =
    agent === null ? Object.values(PROVIDERS).map(({ efforts }) => efforts) : [providerNamed(agent)?.efforts ?? []]
  return Promise.resolve([...new Set<string>(own.flat())].map((name) => ({ name, what: 'effort' })))
}
