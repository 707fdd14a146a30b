import { describe, expect, it } from 'vitest'
import { memoryHistory } from './history/memory.ts'
import { textOfRequest, tool, turn } from './testing/world.ts'

describe('a turn', () => {
  it('has the task in history before step 1 and in every request', async () => {
    const { report, entries, requests } = await turn([{ calls: [{ name: 'look' }] }, { text: 'Fixed.' }], {
      tools: [tool({ name: 'look' })],
    })
    expect(report).toMatchObject({ finish: { reason: 'agent_done' }, text: 'Fixed.', steps: 2 })
    expect(entries[0]).toMatchObject({ type: 'user', source: 'task', text: 'Fix the leak.' })
    expect(requests.map(textOfRequest)).toEqual([
      expect.stringContaining('Fix the leak.') as string,
      expect.stringContaining('Fix the leak.') as string,
    ])
    expect(entries.map((entry) => (entry as { type: string }).type)).toEqual([
      'user',
      'assistant',
      'tool_result',
      'assistant',
      'finish',
    ])
  })

  it('goes on with a conversation, and says of calls without a result that they were interrupted', async () => {
    const first = await turn([{ calls: [{ name: 'look' }, { name: 'look' }] }, { text: 'Done.' }], {
      tools: [tool({ name: 'look', run: () => ({ text: 'seen' }) })],
    })
    for (let length = 0; length <= first.entries.length; length++) {
      const history = memoryHistory(first.entries.slice(0, length))
      const { requests, report } = await turn([{ text: 'Again.' }], { history, task: 'Once more.' })
      expect(report.finish.reason).toBe('agent_done')
      const messages = requests[0]?.messages ?? []
      expect(textOfRequest(requests[0] as never)).toContain('Once more.')
      // Every call has exactly one result, directly after its answer.
      for (const [at, message] of messages.entries()) {
        if (message.role !== 'assistant') continue
        const ids = message.content.flatMap((part) => (part.type === 'toolCall' ? [part.id] : []))
        const results = messages.slice(at + 1, at + 1 + ids.length)
        expect(results.map((one) => (one.role === 'toolResult' ? one.toolCallId : null))).toEqual(ids)
      }
      const results = messages.filter((message) => message.role === 'toolResult')
      expect(new Set(results.map(({ toolCallId }) => toolCallId)).size).toBe(results.length)
      if (length === 3) expect(textOfRequest(requests[0] as never)).toContain('This call was interrupted')
    }
  })

  it('has the tools of each step: those that come and go are said, and what went wrong is a warning', async () => {
    const [first, second] = [tool({ name: 'first' }), tool({ name: 'second' })]
    const fresh = [null, { tools: [second], problems: ['one was left out'] }, { tools: [second], problems: [] }]
    const { requests, entries, events } = await turn(
      [{ calls: [{ name: 'first' }] }, { calls: [{ name: 'second' }, { name: 'first' }] }, { text: 'Done.' }],
      { tools: [first], refreshTools: () => Promise.resolve(fresh.shift() ?? null) },
    )
    expect(requests.map(({ tools }) => tools.map(({ name }) => name))).toEqual([['first'], ['second'], ['second']])
    expect(textOfRequest(requests[1] as never)).toContain('have changed. Gone: first. New: second.')
    expect(entries.filter((entry) => (entry as { source?: string }).source === 'engine')).toHaveLength(1)
    expect(textOfRequest(requests[2] as never)).toContain('There is no tool "first"')
    expect(events).toContainEqual({ type: 'warning', code: 'tools', message: 'one was left out' })
  })
})
