import { messageOf } from '../core/errors.ts'
import { openSandbox, sandboxRemarks, withMore, type BackendName, type SandboxRequest } from '../sandbox/index.ts'
import { createEngineAgent, localDeps } from './engine/index.ts'
import { programRequest } from './paths/own.ts'
import type { Agent, TurnEvent, TurnRequest } from './port.ts'
import { failed } from './stdio/index.ts'

/** The sandbox an agent works in. `more`: what it asks for besides the access and workspace of each turn. */
export interface AgentSandbox {
  readonly backend: BackendName
  readonly more: Omit<SandboxRequest, 'access' | 'workspace'>
}

/**
 * Wraps `agent` so that every turn runs in its own sandbox, with the turn's access to its workspace and the agent's own paths.
 * The sandbox has full network access unless `more` says otherwise, because without it no agent reaches its model. Inside a
 * sandbox that confines, the agent gets `full` access. The engine itself stays outside and runs its tools inside. A sandbox
 * that cannot be opened fails the turn with `spawn`. One that cannot be closed fails it too: something may still run inside.
 */
export function confinedAgent(agent: Agent, sandbox: AgentSandbox): Agent {
  const { backend, more } = sandbox
  // By default the engine opens a sandbox of its own choice, so even `host` must be passed to it.
  if (agent.provider === 'engine') {
    return createEngineAgent({
      ...localDeps,
      settings: () => ({ sandbox: backend }),
      openSandbox: (name, request, signal) => openSandbox(name, withMore(request, more), signal),
    })
  }
  if (backend === 'host' && Object.keys(more).length === 0) return agent
  return {
    provider: agent.provider,
    capabilities: agent.capabilities,
    ...(agent.ownPaths === undefined ? {} : { ownPaths: agent.ownPaths }),
    ...(agent.guessesPaths === true ? { guessesPaths: true as const } : {}),
    ...(backend === 'host' ? {} : { isConfined: true as const }),
    probe: (env, command, look) => agent.probe(env, command, look),
    turn: (request) => confinedTurn(agent, sandbox, request),
  }
}

async function* confinedTurn(
  agent: Agent,
  { backend, more }: AgentSandbox,
  request: TurnRequest,
): AsyncGenerator<TurnEvent> {
  let opened
  try {
    opened = await openSandbox(
      backend,
      {
        ...programRequest(agent, request.env, request.command, more),
        access: request.access,
        workspace: request.cwd,
      },
      request.signal,
    )
  } catch (error) {
    yield {
      type: 'end',
      end: request.signal.aborted
        ? { status: 'interrupted' }
        : failed('spawn', `its sandbox was not opened: ${messageOf(error)}`),
    }
    return
  }
  const { sandbox } = opened
  let end: TurnEvent | null = null
  let unclosed: TurnEvent | null = null
  try {
    const access = sandbox.confined ? 'full' : request.access
    for await (const event of agent.turn({
      ...request,
      access,
      standing: false,
      spawn: (spec) => sandbox.spawn(spec),
    })) {
      if (event.type === 'end') end = event
      else yield event
    }
  } finally {
    try {
      await sandbox.close()
    } catch (error) {
      unclosed = { type: 'end', end: failed('failed', `its sandbox could not be closed: ${messageOf(error)}`) }
    }
  }
  for (const [n, text] of sandboxRemarks(sandbox).entries()) {
    yield { type: 'item', item: { id: `sandbox/${n}`, kind: 'unknown', status: 'completed', text } }
  }
  if (end) yield unclosed ?? end
}
