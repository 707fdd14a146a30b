/**
 * A program that speaks each agent's protocol badly: `bad-agent.ts PROTOCOL FAULT`. The faults are those that real programs
 * cannot be made to show: `lost` (the end of the turn never comes), `twice` (frames and ids come twice), `after` (frames come
 * after the end), `huge` (a line of 100 MB comes in between), `deaf` (it writes one frame and answers nothing). It says
 * `hello`, and `late` where nothing may be heard any more.
 */
import { createInterface } from 'node:readline'

type Frame = Readonly<Record<string, unknown>>

const [protocol = '', fault = ''] = process.argv.slice(2)
const MANY = 100 << 20

function write(...frames: readonly Frame[]): void {
  for (const frame of frames) process.stdout.write(`${JSON.stringify(frame)}\n`)
}

/** Plays the turn: a message, then the end, with the fault. */
function perform(say: (text: string) => Frame, end: Frame): void {
  write(say('hello'))
  if (fault === 'twice') write(say('hello'))
  if (fault === 'huge') process.stdout.write(`{"type":"huge","text":"${'x'.repeat(MANY)}"}\n`)
  if (fault === 'lost') process.exit(0)
  write(end)
  if (fault === 'twice') write(end)
  if (fault === 'after') write(say('late'), end)
}

const SPEAKERS: Readonly<Record<string, (frame: Frame) => void>> = {
  claude({ type }) {
    if (type !== 'user') return
    write({ type: 'system', subtype: 'init', session_id: 's1', model: 'm' })
    perform((text) => ({ type: 'assistant', message: { id: text, content: [{ type: 'text', text }] } }), {
      type: 'result',
      subtype: 'success',
      is_error: false,
      result: 'hello',
      total_cost_usd: 0,
    })
  },
  pi({ id, type }) {
    const message = (text: string) => ({
      role: 'assistant',
      stopReason: 'stop',
      usage: {},
      content: [{ type: 'text', text }],
    })
    write({ id, type: 'response', command: type, success: true, data: { sessionId: 'ab' } })
    if (type !== 'prompt') return
    write({ type: 'message_update', assistantMessageEvent: { type: 'text_delta', delta: 'hello' } })
    perform((text) => ({ type: 'message_end', message: message(text) }), { type: 'agent_settled' })
  },
  acp({ id, method }) {
    const result: Readonly<Record<string, unknown>> = {
      initialize: { protocolVersion: 1, agentCapabilities: {} },
      'session/new': { sessionId: 's1' },
    }
    if (method !== 'session/prompt') {
      write({ jsonrpc: '2.0', id, result: result[String(method)] ?? {} })
      return
    }
    const said = (text: string): Frame => {
      const update = { sessionUpdate: 'agent_message_chunk', messageId: text, content: { type: 'text', text } }
      return { jsonrpc: '2.0', method: 'session/update', params: { sessionId: 's1', update } }
    }
    // Chunks are appended, not upserted, so the repeated chunk is one without text.
    const piece = (text: string): Frame => said(fault === 'twice' ? '' : text)
    if (fault === 'twice') write(said('hello'))
    perform(piece, { jsonrpc: '2.0', id, result: { stopReason: 'end_turn' } })
  },
  codex({ id, method }) {
    if (id === undefined) return
    const result: Readonly<Record<string, unknown>> = {
      initialize: { userAgent: 'belay/9.8.7' },
      'account/read': { account: null, requiresOpenaiAuth: false },
      'command/exec': { exitCode: 0, stdout: '', stderr: '' },
      'thread/start': { thread: { id: 't1' }, model: 'm' },
      'turn/start': { turn: { id: 'u1' } },
    }
    write({ id, result: result[String(method)] ?? {} })
    if (fault === 'twice') write({ id, result: {} })
    if (method !== 'turn/start') return
    const at = { threadId: 't1', turnId: 'u1' }
    perform(
      (text) => ({
        method: 'item/completed',
        params: { ...at, item: { type: 'agentMessage', id: text, text, phase: null } },
      }),
      {
        method: 'turn/completed',
        params: { threadId: 't1', turn: { id: 'u1', status: 'completed', items: [], error: null } },
      },
    )
  },
}

if (fault === 'deaf') {
  write({ type: 'deaf' })
  for await (const _ of process.stdin);
  process.exit(0)
}

if (protocol === 'command') {
  process.stdin.resume()
  perform((text) => ({ type: 'message', text }), { type: 'result', output: {} })
}

for await (const line of createInterface({ input: process.stdin })) SPEAKERS[protocol]?.(JSON.parse(line) as Frame)
