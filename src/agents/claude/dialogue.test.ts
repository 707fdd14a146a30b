import { describe, expect, it } from 'vitest'
import type { TurnEvent, TurnRequest } from '../port.ts'
import { ClaudeDialogue } from './dialogue.ts'
import { turnRequest } from '../testing/request.ts'

const exit = { code: 0, signal: null }

function begin(more: Partial<TurnRequest> = {}) {
  const sent: unknown[] = []
  const dialogue = new ClaudeDialogue(
    turnRequest({
      cwd: '/repo',
      env: {},
      graceMs: 1000,
      ...more,
    }),
  )
  const posted: TurnEvent[] = []
  dialogue.begin(
    (frame) => sent.push(frame),
    (event) => posted.push(event),
  )
  const read = (frame: unknown): TurnEvent[] => [...dialogue.read({ text: JSON.stringify(frame), dropped: 0 })]
  return { dialogue, sent, posted, read }
}

const ok = { type: 'result', subtype: 'success', is_error: false, result: 'done', total_cost_usd: 0 }

describe('ClaudeDialogue', () => {
  it('denies what asks for a permission, and refuses other requests', () => {
    const { read, sent } = begin()
    read({
      type: 'control_request',
      request_id: 'p',
      request: { subtype: 'can_use_tool', tool_name: 'Bash', input: {} },
    })
    read({ type: 'control_request', request_id: 'h', request: { subtype: 'hook_callback' } })
    expect(sent.slice(1)).toMatchObject([
      { type: 'control_response', response: { subtype: 'success', request_id: 'p', response: { behavior: 'deny' } } },
      { type: 'control_response', response: { subtype: 'error', request_id: 'h' } },
    ])
  })

  const ask = (id: string) => ({
    type: 'control_request',
    request_id: id,
    request: {
      subtype: 'can_use_tool',
      tool_name: 'Bash',
      input: { command: 'make', description: 'Build it' },
      permission_suggestions: [{ type: 'addRules', behavior: 'allow', destination: 'localSettings' }],
    },
  })

  it('has somebody decide, and writes a rule for the session only', async () => {
    const asked: unknown[] = []
    const { read, sent, posted } = begin({
      approve: (request) => {
        asked.push(request)
        return Promise.resolve({ decision: 'allow_session', reason: 'go on' })
      },
    })
    read(ask('p1'))
    await expect.poll(() => sent).toHaveLength(2)
    expect(asked).toMatchObject([
      { id: 'p1', kind: 'command', command: 'make', cwd: '/repo', title: 'Bash: make', reason: 'Build it' },
    ])
    expect(sent[1]).toMatchObject({
      response: {
        request_id: 'p1',
        response: {
          behavior: 'allow',
          updatedInput: { command: 'make' },
          updatedPermissions: [{ type: 'addRules', destination: 'session' }],
        },
      },
    })
    expect(posted).toMatchObject([{ state: 'asked' }, { state: 'answered', answer: { decision: 'allow_session' } }])
  })

  it('does not answer what was withdrawn', async () => {
    let answer: () => void = () => {}
    const { read, sent, posted } = begin({
      approve: () => new Promise((resolve) => (answer = () => resolve({ decision: 'allow', reason: '' }))),
    })
    read(ask('p1'))
    read({ type: 'control_cancel_request', request_id: 'p1' })
    answer()
    read({ ...ask('p2'), request: { subtype: 'mcp_message' } })
    await expect.poll(() => sent).toHaveLength(2)
    expect(JSON.stringify(sent)).not.toContain('p1')
    expect(posted).toMatchObject([{ state: 'asked' }, { state: 'withdrawn', answer: null }])
  })

  it('waits for the answer to a message that was sent in between', () => {
    const { dialogue, read, sent } = begin()
    dialogue.steer('also this')
    const { uuid } = sent[1] as { uuid: string }
    read(ok)
    expect(dialogue.answered()).toBe(false)
    read({ type: 'user', uuid, isReplay: true, message: { role: 'user', content: 'also this' } })
    expect(dialogue.answered()).toBe(false)
    read(ok)
    expect(dialogue.answered()).toBe(true)
  })

  it('gives up on a retry that is far away, with its time', () => {
    const { dialogue, read } = begin()
    const retry = { type: 'system', subtype: 'api_retry', error_status: 429, error: 'rate_limit' }
    read({ ...retry, retry_delay_ms: 30_000 })
    expect(dialogue.answered()).toBe(false)
    const before = Date.now()
    read({ ...retry, retry_delay_ms: 3_600_000 })
    expect(dialogue.answered()).toBe(true)
    const end = dialogue.finish({ exit: { code: null, signal: 'SIGKILL' }, lingered: true, stderrTail: '' })
    if (end.status !== 'failed') throw new Error(end.status)
    expect(end.error.code).toBe('rate_limit')
    expect(Date.parse(end.error.retryAt ?? '')).toBeGreaterThanOrEqual(before + 3_600_000)
  })

  it('gives up on a retry that is further away than any date', () => {
    const { dialogue, read } = begin()
    read({ type: 'system', subtype: 'api_retry', error_status: 429, error: 'rate_limit', retry_delay_ms: 1e300 })
    expect(dialogue.finish({ exit: { code: null, signal: 'SIGKILL' }, lingered: true, stderrTail: '' })).toMatchObject({
      status: 'failed',
      error: { code: 'rate_limit', retryAt: null, message: expect.stringContaining('1e+300 ms') as string },
    })
  })

  it('waits for tasks in the background, but not when the answer is there', () => {
    const { dialogue, read } = begin()
    read({ type: 'system', subtype: 'background_tasks_changed', tasks: [{ task_id: 'b' }] })
    read(ok)
    expect(dialogue.answered()).toBe(false)
    read({ ...ok, structured_output: { a: 1 } })
    expect(dialogue.answered()).toBe(true)
  })

  it('passes on typing at most once a second', () => {
    const { read } = begin()
    const typed = {
      type: 'stream_event',
      event: { type: 'content_block_delta', delta: { type: 'text_delta', text: 'x' } },
    }
    expect(read(typed)).toHaveLength(1)
    expect(read(typed)).toHaveLength(0)
  })

  it('takes the end of its re-asking for no answer', () => {
    const { dialogue, read } = begin({ outputSchema: { type: 'object' } })
    read({ type: 'result', subtype: 'error_max_structured_output_retries', is_error: true, total_cost_usd: 0 })
    expect(dialogue.finish({ exit, lingered: false, stderrTail: '' })).toEqual({
      status: 'completed',
      output: null,
      text: '',
    })
  })

  it('marks calls that never came back as failed', () => {
    const { dialogue, read } = begin()
    const content = [{ type: 'tool_use', id: 'c1', name: 'Edit', input: { file_path: '/repo/src/a.ts' } }]
    expect(read({ type: 'assistant', message: { id: 'm', content } })).toContainEqual(
      expect.objectContaining({
        item: expect.objectContaining({
          id: 'c1',
          kind: 'file_change',
          status: 'running',
          text: 'src/a.ts',
        }) as unknown,
      }),
    )
    expect([...(dialogue.rest?.() ?? [])]).toMatchObject([{ type: 'item', item: { id: 'c1', status: 'failed' } }])
  })

  it('reads exit codes, plans and thoughts', () => {
    const { read } = begin()
    const content = [
      { type: 'thinking', thinking: 'hm' },
      { type: 'tool_use', id: 'b', name: 'Bash', input: { command: 'false' } },
      {
        type: 'tool_use',
        id: 'p',
        name: 'TodoWrite',
        input: { todos: [{ status: 'completed', content: 'one' }, { content: 'two' }] },
      },
    ]
    expect(read({ type: 'assistant', message: { id: 'm', content } }).slice(1)).toMatchObject([
      { item: { id: 'm/0', kind: 'reasoning', text: 'hm' } },
      { item: { id: 'b', kind: 'tool_call', text: 'Bash: false' } },
      { item: { id: 'p', kind: 'plan', text: '[x] one\n[ ] two' } },
    ])
    const result = { type: 'tool_result', tool_use_id: 'b', is_error: true, content: 'Exit code 3\noops' }
    expect(read({ type: 'user', message: { content: [result] } }).slice(1)).toMatchObject([
      { item: { id: 'b', status: 'failed', tool: { exitCode: 3, output: 'Exit code 3\noops' } } },
    ])
  })
})
