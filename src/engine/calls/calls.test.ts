import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { LoopEvent } from '../events.ts'
import { memoryHistory } from '../history/memory.ts'
import type { Tool, ToolContext } from '../port.ts'
import { textOfRequest, tool, turn, type Reply } from '../testing/world.ts'
import { askPerson, type AskAnswer } from './ask.ts'
import { judge, type ToolHook } from './hooks.ts'
import { toolContext } from '../testing/world.ts'

const DONE: Reply = { text: 'Done.' }

function states(events: readonly LoopEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'approval' ? [event.state] : []))
}

describe('calls of one answer', () => {
  it('run side by side when they read, and alone and in order when they write', async () => {
    const log: string[] = []
    let reading = 0
    let most = 0
    const read = tool({
      name: 'read',
      effect: 'read',
      run: async ({ n }) => {
        most = Math.max(most, (reading += 1))
        await new Promise((resolve) => setImmediate(resolve))
        reading -= 1
        log.push(`read ${String(n)}`)
        return {}
      },
    })
    const write = tool({
      name: 'write',
      run: async ({ n }) => {
        expect(reading).toBe(0)
        log.push(`begin ${String(n)}`)
        await new Promise((resolve) => setImmediate(resolve))
        log.push(`end ${String(n)}`)
        return {}
      },
    })
    const calls = [
      { name: 'read', input: { n: 1 } },
      { name: 'read', input: { n: 2 } },
      { name: 'write', input: { n: 3 } },
      { name: 'write', input: { n: 4 } },
      { name: 'read', input: { n: 5 } },
    ]
    await turn([{ calls }, DONE], { tools: [read, write] })
    expect(most).toBe(2)
    expect(log.slice(0, 2).sort()).toEqual(['read 1', 'read 2'])
    expect(log.slice(2)).toEqual(['begin 3', 'end 3', 'begin 4', 'end 4', 'read 5'])
  })

  it('each get one result: unknown, invalid, throwing and good ones', async () => {
    const tools = [
      tool({ name: 'count', input: z.object({ to: z.number() }) }),
      tool({
        name: 'broken',
        run: () => {
          throw new Error('out of order')
        },
      }),
    ]
    const calls = [
      { name: 'cuont', input: { to: 1 } },
      { name: 'count', input: { to: 'three' } },
      { name: 'broken' },
      { name: 'count', input: { to: 3 } },
    ]
    const { entries } = await turn([{ calls }, DONE], { tools })
    const results = entries.filter((entry) => (entry as { type: string }).type === 'tool_result')
    expect(results).toMatchObject([
      {
        isError: true,
        skipped: true,
        text: expect.stringMatching(/no tool "cuont".*mean count\?.*count, broken/) as string,
      },
      { isError: true, skipped: true, text: expect.stringMatching(/- to: .*expected number/) as string },
      { isError: true, skipped: false, text: 'broken failed unexpectedly: out of order' },
      { isError: false, skipped: false, text: 'ok' },
    ])
  })

  it.each(['read', 'write'] as const)('that are the same are not all made (%s)', async (effect) => {
    let made = 0
    const same = tool({ name: 'same', effect, run: () => ({ text: String((made += 1) && 'seen') }) })
    const calls = Array.from({ length: 20 }, () => ({ name: 'same', input: { n: 1 } }))
    const { report, requests, events } = await turn([{ calls }, { calls: calls.slice(0, 3) }], { tools: [same] })
    expect(made).toBe(4)
    expect(textOfRequest(requests[1] as never)).toContain('this answer asks for it again and again')
    expect(events).toContainEqual(expect.objectContaining({ type: 'warning', code: 'doom_loop' }))
    expect(report.finish.reason).toBe('doom_loop')
  })

  it('that run beside one whose result cannot be kept are ended first, and nothing else is begun', async () => {
    const log: string[] = []
    const read = tool({
      name: 'read',
      effect: 'read',
      run: async ({ n }, { signal }) => {
        log.push(`begin ${String(n)}`)
        if (n !== 0) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        await new Promise((resolve) => setImmediate(resolve))
        log.push(`end ${String(n)}`)
        return {}
      },
    })
    const history = memoryHistory()
    const full = {
      load: () => history.load(),
      append: (entry: unknown) =>
        (entry as { type: string }).type === 'tool_result'
          ? Promise.reject(new Error('no space left'))
          : history.append(entry),
    }
    const calls = Array.from({ length: 12 }, (_, n) => ({ name: 'read', input: { n } }))
    await expect(turn([{ calls }], { tools: [read], history: full })).rejects.toThrow('no space left')
    expect(log.filter((line) => line.startsWith('begin'))).toHaveLength(8)
    expect(log.filter((line) => line.startsWith('end'))).toHaveLength(8)
  })

  it('are told apart when the model gives them the same id again and again', async () => {
    const calls = [
      { name: 'echo', input: { n: 1 }, id: 'call_0' },
      { name: 'echo', input: { n: 2 }, id: 'call_0' },
    ]
    const echo = tool({ name: 'echo', run: ({ n }) => ({ text: `echo ${String(n)}` }) })
    const again = [{ name: 'echo', input: { n: 3 }, id: 'call_0' }]
    const { requests } = await turn([{ calls }, { calls: again }, DONE], { tools: [echo] })
    const last = requests[2]?.messages ?? []
    const results = last.flatMap((one) => (one.role === 'toolResult' ? [one] : []))
    expect(results.map(({ content }) => content[0])).toMatchObject([
      { text: 'echo 1' },
      { text: 'echo 2' },
      { text: 'echo 3' },
    ])
    expect(new Set(results.map(({ toolCallId }) => toolCallId)).size).toBe(3)
  })
})

describe('asks', () => {
  const push = (decision: 'ask' | 'deny' = 'ask') =>
    tool({ name: 'bash', demand: { decision, reason: 'pushes to a remote' }, run: () => ({ text: 'pushed' }) })
  const PUSH: Reply = { calls: [{ name: 'bash', input: { command: 'git push' } }] }

  it('are refused when nobody is there, and the output says so', async () => {
    const { report, requests, events } = await turn([PUSH, DONE], { tools: [push()] })
    expect(textOfRequest(requests[1] as never)).toContain('nobody is there to give it')
    expect(report.refused).toEqual([
      {
        title: 'bash {"command":"git push"}',
        reason: 'pushes to a remote (it needs the approval of a person, and nobody is there to give it)',
      },
    ])
    expect(states(events)).toEqual(['asked', 'answered'])
  })

  it('are told to the approver whole, and done when allowed', async () => {
    const asked: unknown[] = []
    const { requests } = await turn([PUSH, DONE], {
      tools: [push()],
      asker: (ask) => {
        asked.push(ask)
        return Promise.resolve({ decision: 'allow', reason: 'go' })
      },
    })
    expect(asked).toMatchObject([
      { tool: 'bash', command: 'git push', cwd: '/workspace', reason: 'pushes to a remote' },
    ])
    expect(textOfRequest(requests[1] as never)).toContain('pushed')
  })

  it('are asked once when allowed for the session, also when it goes on later, and again for anything else', async () => {
    let asked = 0
    const asker = (): Promise<AskAnswer> => {
      asked += 1
      return Promise.resolve({ decision: 'allow_session', reason: 'go' })
    }
    const other: Reply = { calls: [{ name: 'bash', input: { command: 'git push --tags' } }] }
    const { entries } = await turn([PUSH, PUSH, other, DONE], { tools: [push()], asker })
    expect(asked).toBe(2)
    await turn([PUSH, DONE], { tools: [push()], asker, history: memoryHistory(entries) })
    expect(asked).toBe(2)
  })

  it('allowed for the session are known by the store of the conversation and the folder: one from elsewhere allows nothing', async () => {
    const stores = ['a', 'b'].map(() => mkdtempSync(join(tmpdir(), 'belay-store-')))
    const [own = '', other = ''] = stores
    try {
      let asked = 0
      const asker = (): Promise<AskAnswer> => {
        asked += 1
        return Promise.resolve({ decision: 'allow_session', reason: 'go' })
      }
      const tools = [{ ...push(), same: ({ command }: never) => [command] }] as Tool[]
      const described: Reply = { calls: [{ name: 'bash', input: { command: 'git push', description: 'send it' } }] }
      const { entries } = await turn([PUSH, described, DONE], { tools, asker, context: toolContext({ store: own }) })
      expect(asked).toBe(1)
      const again = async (more: Partial<ToolContext>): Promise<number> => {
        asked = 0
        await turn([PUSH, DONE], { tools, asker, history: memoryHistory(entries), context: toolContext(more) })
        return asked
      }
      expect(await again({ store: own })).toBe(0)
      expect(await again({ store: other })).toBe(1)
      expect(await again({ store: own, workspace: '/elsewhere' })).toBe(1)
      writeFileSync(join(own, 'approvals.key'), '')
      expect(await again({ store: own })).toBe(1)
    } finally {
      for (const store of stores) rmSync(store, { recursive: true, force: true })
    }
  })

  it('are withdrawn when the turn ends, and a later answer changes nothing', async () => {
    const abort = new AbortController()
    const late = Promise.withResolvers<AskAnswer>()
    let withdrawn = false
    const { report, events, entries } = await turn([PUSH], {
      tools: [push()],
      signal: abort.signal,
      asker: (_, signal) => {
        signal.addEventListener('abort', () => (withdrawn = true))
        queueMicrotask(() => abort.abort())
        return late.promise
      },
    })
    late.resolve({ decision: 'allow', reason: 'too late' })
    expect(report.finish.reason).toBe('cancelled')
    expect(withdrawn).toBe(true)
    expect(report.refused).toEqual([])
    expect(states(events)).toEqual(['asked', 'withdrawn'])
    expect(JSON.stringify(entries)).not.toContain('pushed')
  })

  it('of reads that run side by side come one after the other, and one answer for the session does for all alike', async () => {
    let open = 0
    let most = 0
    const asked: unknown[] = []
    const secret = tool({ name: 'read', effect: 'read', demand: { decision: 'ask', reason: 'looks secret' } })
    const calls = ['a', 'b', 'b', 'c'].map((path) => ({ name: 'read', input: { path } }))
    const { requests } = await turn([{ calls }, DONE], {
      tools: [secret],
      asker: async ({ input }) => {
        most = Math.max(most, (open += 1))
        asked.push(input)
        await new Promise((resolve) => setImmediate(resolve))
        open -= 1
        return { decision: 'allow_session', reason: 'go' }
      },
    })
    expect(most).toBe(1)
    expect(asked).toEqual([{ path: 'a' }, { path: 'b' }, { path: 'c' }])
    expect(requests).toHaveLength(2)
  })

  it('are refused when the approver fails', async () => {
    const answer = await askPerson(
      () => Promise.reject(new Error('line cut')),
      {} as never,
      new AbortController().signal,
    )
    expect(answer).toEqual({ decision: 'deny', reason: 'the question could not be answered: line cut' })
  })

  it('never come before a denial', async () => {
    let asked = 0
    const { requests } = await turn([PUSH, DONE], {
      tools: [push('deny')],
      hooks: [{ name: 'asks', before: () => ({ decision: 'ask', reason: 'sure?' }) }],
      asker: () => {
        asked += 1
        return Promise.resolve({ decision: 'allow', reason: 'go' })
      },
    })
    expect(asked).toBe(0)
    expect(textOfRequest(requests[1] as never)).toContain('It was not run: pushes to a remote')
  })
})

describe('hooks', () => {
  const say = (decision: 'allow' | 'ask' | 'deny', name = decision): ToolHook => ({
    name,
    before: () => ({ decision, reason: name }),
  })
  const orders: ToolHook[][] = [
    [say('allow'), say('ask'), say('deny')],
    [say('deny'), say('ask'), say('allow')],
    [say('ask'), say('deny'), say('allow')],
  ]

  it.each(orders)('combine as deny over ask over allow, in any order', async (...hooks) => {
    const call = { tool: tool({ name: 't' }), input: {}, context: toolContext() }
    expect(await judge(call, hooks)).toEqual({ decision: 'deny', reason: 'deny' })
    expect(
      (
        await judge(
          call,
          hooks.filter(({ name }) => name !== 'deny'),
        )
      ).decision,
    ).toBe('ask')
  })

  it('cannot loosen the policy or leave it out, and deny when they throw or say nothing', async () => {
    const denied = {
      tool: tool({ name: 't', demand: { decision: 'deny', reason: 'policy' } }),
      input: {},
      context: toolContext(),
    }
    expect(await judge(denied, [])).toEqual({ decision: 'deny', reason: 'policy' })
    expect(await judge(denied, [say('allow')])).toEqual({ decision: 'deny', reason: 'policy' })
    const open = { tool: tool({ name: 't' }), input: {}, context: toolContext() }
    const throwing: ToolHook = {
      name: 'guard',
      before: () => {
        throw new Error('bug')
      },
    }
    expect(await judge(open, [throwing])).toEqual({ decision: 'deny', reason: 'guard failed: bug' })
    const mute = { name: 'mute', before: () => undefined } as unknown as ToolHook
    expect((await judge(open, [mute])).decision).toBe('deny')
    for (const decision of ['yes', 'Allow', 'toString', undefined]) {
      const odd = { name: 'odd', before: () => ({ decision, reason: 'r' }) } as unknown as ToolHook
      expect(await judge(open, [odd])).toEqual({ decision: 'deny', reason: 'odd gave no decision' })
    }
  })

  it('see request and result; one that fails afterwards is a visible warning', async () => {
    const seen: unknown[] = []
    const { events, report } = await turn([{ calls: [{ name: 'look', input: { at: 1 } }] }, DONE], {
      tools: [tool({ name: 'look', run: () => ({ text: 'seen' }) })],
      hooks: [
        { name: 'log', after: ({ input }, { text }) => void seen.push([input, text]) },
        {
          name: 'bad',
          after: () => {
            throw new Error('disk full')
          },
        },
      ],
    })
    expect(seen).toEqual([[{ at: 1 }, 'seen']])
    expect(events).toContainEqual({ type: 'warning', code: 'hook_failed', message: 'bad: disk full' })
    expect(report.finish.reason).toBe('agent_done')
  })
})
