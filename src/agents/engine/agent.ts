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

/** Any of these is there: some model can be reached. */
const LOGINS =
  /^(ANTHROPIC_(API_KEY|AUTH_TOKEN|OAUTH_TOKEN)|CLAUDE_CODE_OAUTH_TOKEN|OPENAI_(API_KEY|BASE_URL|CODEX_TOKEN)|GEMINI_API_KEY|GOOGLE_API_KEY|OLLAMA_BASE_URL|\w+_API_KEY)$/

/**
 * Belay's own agent: its loop (src/engine) as an agent among the others. It runs in this process, and only what it calls runs in
 * the sandbox; nothing of the engine is loaded before its first turn.
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
    // Which key a model needs is known only when it is named.
    loggedIn: key ? true : null,
    hint: key ? null : 'set a key, such as ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY',
  })
}

/** Without a name it may be a definition's, where there is one: that is seen in the turn. */
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
    // Whoever stops listening wants no more done.
    gone.abort()
    await work
  }
}

/** Does the turn, never rejects: its last event is the end. */
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

/** What kept the turn from beginning. Anything that is no BelayError is a bug, and is told as it is. */
function codeOf(error: unknown): 'auth' | 'spawn' | 'failed' {
  if (!(error instanceof BelayError)) return 'failed'
  return error.code === 'model_no_key' ? 'auth' : 'spawn'
}

function messageWithNext(error: unknown): string {
  if (!(error instanceof BelayError)) return messageOf(error)
  const expected = error.expected === null ? '' : `; expected ${error.expected}`
  return `${error.message}${expected}${error.next === null ? '' : ` (${error.next})`}`
}
