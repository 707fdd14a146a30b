import { BelayError, messageOf } from '../../core/errors.ts'
import { EventQueue } from '../queue.ts'
import type { Agent, Capabilities, Probe, TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import type { EngineDeps } from './deps.ts'
import { failedEnd } from './end.ts'

const CAPABILITIES: Capabilities = {
  structuredOutput: true,
  resume: true,
  interrupt: true,
  usage: 'reported',
  quota: true,
  readOnly: true,
  model: true,
  approvals: true,
  steer: true,
  efforts: ['minimal', 'low', 'medium', 'high', 'xhigh'],
}

const NO_PROGRAM = 'the engine is part of Belay and has no program of its own: remove `command`'

/** With any of these set, some model may be reachable. */
const LOGINS =
  /^(ANTHROPIC_(API_KEY|AUTH_TOKEN|OAUTH_TOKEN)|CLAUDE_CODE_OAUTH_TOKEN|OPENAI_(API_KEY|BASE_URL|CODEX_TOKEN)|GEMINI_API_KEY|GOOGLE_API_KEY|OLLAMA_BASE_URL|\w+_API_KEY)$/

/**
 * Belay's own agent: its loop (src/engine) as an agent like any other. It runs in this process; only its tools run in the
 * sandbox. Nothing of the engine is loaded before the first turn.
 */
export function createEngineAgent(deps: EngineDeps): Agent {
  return {
    provider: 'engine',
    capabilities: CAPABILITIES,
    judges: true,
    probe,
    checkModel: (wanted) => checkModel(wanted, deps.settings !== undefined),
    turn: (request) => takeTurn(deps, request),
  }
}

function probe(env: Readonly<Record<string, string>>, command: readonly string[] | null): Promise<Probe> {
  if (command !== null) {
    return Promise.resolve({ installed: false, path: null, version: null, loggedIn: null, hint: NO_PROGRAM })
  }
  const key = Object.entries(env).some(([name, value]) => LOGINS.test(name) && value !== '')
  return Promise.resolve({
    installed: true,
    path: process.execPath,
    version: null,
    // Which key is needed depends on the model.
    loggedIn: key ? true : null,
    hint: key ? null : 'set a key, such as ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY',
  })
}

/** Without a name, an agent definition may name the model; the turn will show. */
async function checkModel(
  { model, env, services }: Pick<TurnRequest, 'model' | 'env' | 'services'>,
  mayBeDefined: boolean,
): Promise<void> {
  if (model === null && mayBeDefined) return
  const { resolveModel } = await import('../../engine/index.ts')
  await resolveModel(model, env, null, services)
}

async function* takeTurn(deps: EngineDeps, request: TurnRequest): AsyncGenerator<TurnEvent> {
  if (request.signal.aborted) {
    yield { type: 'end', end: { status: 'interrupted' } }
    return
  }
  if (request.command !== null && request.command.length > 0) {
    yield { type: 'end', end: failedEnd('spawn', NO_PROGRAM) }
    return
  }
  const queue = new EventQueue<TurnEvent>()
  const gone = new AbortController()
  const signal = AbortSignal.any([request.signal, gone.signal])
  const work = workOn(deps, { ...request, signal }, queue)
  try {
    yield* queue
  } finally {
    // A consumer that stops listening ends the turn.
    gone.abort()
    await work
  }
}

/** Takes the turn. Never rejects: the last event is the end. */
async function workOn(deps: EngineDeps, request: TurnRequest, queue: EventQueue<TurnEvent>): Promise<void> {
  let end: TurnEnd
  try {
    const { runEngine } = await import('./run.ts')
    end = await runEngine(deps, request, (event) => void queue.push(event))
  } catch (error) {
    end = request.signal.aborted ? { status: 'interrupted' } : failedEnd(codeOf(error), messageWithNext(error))
  }
  void queue.push({ type: 'end', end })
  queue.close()
}

/** The code for a turn that could not start. Anything but a BelayError is a bug, and reported as it is. */
function codeOf(error: unknown): 'auth' | 'spawn' | 'failed' {
  if (!(error instanceof BelayError)) return 'failed'
  return error.code === 'model_no_key' ? 'auth' : 'spawn'
}

function messageWithNext(error: unknown): string {
  if (!(error instanceof BelayError)) return messageOf(error)
  const expected = error.expected === null ? '' : `; expected ${error.expected}`
  return `${error.message}${expected}${error.next === null ? '' : ` (${error.next})`}`
}
