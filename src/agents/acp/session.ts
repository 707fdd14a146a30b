/** Opens a session with a started agent, ready for a prompt. */
import type { ClientContext } from '@agentclientprotocol/sdk'
import { messageOf } from '../../core/errors.ts'
import { faultIn, type Fault } from '../fault.ts'
import type { TurnRequest } from '../port.ts'
import { asFrame, asList, asText, type Frame } from '../stdio/index.ts'
import type { AcpPreset } from './preset.ts'

export interface OpenedSession {
  readonly id: string
  readonly model: string | null
  readonly version: string | null
}

/** Why no session could be opened. */
export class SessionRefused extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault.message)
    this.fault = fault
  }
}

const AUTH_REQUIRED = -32000
const METHOD_NOT_FOUND = -32601

/** Introduces Belay, opens or resumes the session, and sets its mode and model. Throws `SessionRefused`. */
export async function openSession(
  agent: ClientContext,
  request: TurnRequest,
  preset: AcpPreset,
): Promise<OpenedSession> {
  const hello = asFrame(
    await ask(agent, 'initialize', {
      protocolVersion: 1,
      // Belay itself would access files and terminals, outside the agent's sandbox.
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: 'belay', title: 'Belay', version: '1' },
    }),
  )
  if (hello.protocolVersion !== 1) {
    const spoken = JSON.stringify(hello.protocolVersion) ?? 'none'
    throw refusal('protocol', `the agent speaks version ${spoken} of ACP, Belay version 1`)
  }
  const opened = await enter(agent, request, preset, asFrame(hello.agentCapabilities))
  const id = request.resume ?? asText(opened.sessionId)
  if (id === null) throw refusal('protocol', 'the agent opened a session without an id')
  const mode = preset.mode?.(request) ?? null
  const { currentModeId, availableModes } = asFrame(opened.modes)
  const modes = asList(availableModes).map((one) => asText(asFrame(one).id))
  if (mode !== null && mode !== currentModeId && modes.includes(mode))
    await ask(agent, 'session/set_mode', { sessionId: id, modeId: mode })
  const model = await chooseModel(agent, request.model, id, opened)
  return { id, model, version: asText(asFrame(hello.agentInfo).version) }
}

/** Starts or resumes a session. Logs in first if the agent demands it and a method works without a person. */
async function enter(
  agent: ClientContext,
  request: TurnRequest,
  preset: AcpPreset,
  capabilities: Frame,
): Promise<Frame> {
  const meta = preset.meta?.(request)
  const common = { cwd: request.cwd, mcpServers: [], ...(meta === undefined ? {} : { _meta: meta }) }
  const [method, params] =
    request.resume === null
      ? (['session/new', common] as const)
      : ([resumeMethod(capabilities), { ...common, sessionId: request.resume }] as const)
  try {
    return asFrame(await ask(agent, method, params))
  } catch (error) {
    const login = preset.loginMethod?.(request.env) ?? null
    if (!(error instanceof SessionRefused) || error.fault.code !== 'auth' || login === null) throw error
    await ask(agent, 'authenticate', { methodId: login })
    return asFrame(await ask(agent, method, params))
  }
}

function resumeMethod(capabilities: Frame): string {
  if (asFrame(capabilities.sessionCapabilities).resume) return 'session/resume'
  if (capabilities.loadSession === true) return 'session/load'
  throw refusal('failed', 'this agent cannot take up a conversation again')
}

/** Sets the wanted model in the way that the agent supports. Returns the model that the session uses. */
async function chooseModel(
  agent: ClientContext,
  wanted: string | null,
  sessionId: string,
  opened: Frame,
): Promise<string | null> {
  const option = asList(opened.configOptions)
    .map(asFrame)
    .find(({ category, id }) => category === 'model' || id === 'model')
  const current = asText(option?.currentValue) ?? asText(asFrame(opened.models).currentModelId)
  if (wanted === null || wanted === current) return current
  if (option !== undefined) {
    await ask(agent, 'session/set_config_option', { sessionId, configId: option.id, value: wanted })
    return wanted
  }
  try {
    await ask(agent, 'session/set_model', { sessionId, modelId: wanted })
    return wanted
  } catch (error) {
    if (!(error instanceof SessionRefused) || !error.message.includes(String(METHOD_NOT_FOUND))) throw error
    throw refusal('failed', `this agent has no setting for its model, and ${JSON.stringify(wanted)} was asked for`)
  }
}

async function ask(agent: ClientContext, method: string, params: unknown): Promise<unknown> {
  try {
    return await agent.request(method, params)
  } catch (error) {
    // An error without a code is not an answer: the agent went away, and how it ended decides.
    const { code, data } = asFrame(error)
    if (typeof code !== 'number') throw error
    const detail = asText(asFrame(data).details) ?? asText(asFrame(data).message) ?? asText(data) ?? ''
    const message = `${method} was refused (${code}): ${messageOf(error)} ${detail}`.trim()
    throw new SessionRefused(code === AUTH_REQUIRED ? { code: 'auth', message, retryAt: null } : faultIn(message))
  }
}

function refusal(code: Fault['code'], message: string): SessionRefused {
  return new SessionRefused({ code, message, retryAt: null })
}
