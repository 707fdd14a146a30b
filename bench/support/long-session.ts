import { SessionStore } from '../../src/sessions/index.ts'

/** A long conversation: a task, then calls with their results, as Belay and as the engine store them. */
export function longSession(calls: number): { readonly header: object; readonly lines: readonly object[] } {
  const at = '2026-11-21T10:00:00.000Z'
  const lines: object[] = [
    {
      type: 'turn',
      turn: 1,
      prompt: 'work for long',
      agent: { provider: 'engine', model: 'anthropic/claude-sonnet-5' },
      cwd: '/work',
    },
    { type: 'history', entry: { type: 'user', source: 'task', text: 'work for long', at } },
  ]
  for (let n = 0; n < calls; n++) {
    const id = `call-${n}`
    const usage = {
      input: 100,
      output: 10,
      cacheRead: 0,
      cacheWrite: 0,
      totalTokens: 110,
      cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0 },
    }
    const output = `line ${n} of what a command said. `.repeat(20)
    const message = {
      role: 'assistant',
      content: [
        { type: 'text', text: `Step ${n}.` },
        { type: 'toolCall', id, name: 'bash', arguments: { command: `echo ${n}` } },
      ],
      api: 'anthropic-messages',
      provider: 'anthropic',
      model: 'claude-sonnet-5',
      usage,
      stopReason: 'toolUse',
      timestamp: Date.parse(at),
    }
    const result = {
      type: 'tool_result',
      callId: id,
      tool: 'bash',
      text: output,
      isError: false,
      exitCode: 0,
      changed: [],
      fullOutput: null,
      skipped: false,
      at,
    }
    const item = {
      id,
      kind: 'tool_call',
      status: 'completed',
      text: `bash: echo ${n}`,
      tool: { name: 'bash', input: { command: `echo ${n}` }, output, exitCode: 0 },
    }
    lines.push({ type: 'history', entry: { type: 'assistant', message, at } })
    lines.push({ type: 'item', turn: 1, item })
    lines.push({ type: 'history', entry: result })
  }
  return {
    header: { type: 'session', schema: 1, id: 'long', created_at: at },
    lines: lines.map((line) => ({ time: at, ...line })),
  }
}

/** Creates such a session with `calls` items in a state folder. */
export async function makeLongSession(home: string, id: string, calls: number): Promise<void> {
  const body = longSession(calls).lines.map((line) => `${JSON.stringify(line)}\n`)
  await new SessionStore(home).create(id, { provider: 'engine', title: 'work for long' }, body.join(''))
}
