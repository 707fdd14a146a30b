import { expect, it } from 'vitest'
import type { Item, TurnEvent } from '../../agents/port.ts'
import { Activity, deniedLines } from './activity.ts'

const CALL = { id: '1', kind: 'tool_call', status: 'running', text: 'bash' } as const satisfies Item

function call(
  more: Partial<Item>,
  input: unknown = null,
  output: string | null = null,
  exitCode: number | null = null,
) {
  const item: Item = { ...CALL, tool: { name: 'bash', input, output, exitCode }, ...more }
  return { type: 'item', item } as const satisfies TurnEvent
}

it('tells of a call once, when it is known what it does', () => {
  const activity = new Activity()
  expect(activity.lines(call({}, {}))).toEqual([])
  expect(activity.lines(call({}, { cwd: '/w' }))).toEqual([])
  expect(activity.lines(call({}, { command: 'make all' }))).toEqual(['> bash: make all'])
  expect(activity.lines(call({ text: 'make all' }, { command: 'make all' }))).toEqual([])
  expect(activity.lines(call({ status: 'failed' }, { command: 'make all' }, 'a\nno rule\n', 2))).toEqual([
    '  failed (exit 2): no rule',
  ])
  expect(activity.lines(call({ status: 'failed' }))).toEqual([])
})

it('tells of a call of which nothing more is ever known, when it is over', () => {
  const activity = new Activity()
  expect(activity.lines(call({}))).toEqual([])
  expect(activity.lines(call({ status: 'completed' }))).toEqual(['> bash'])
})

it('leaves out a change that its call told of, and no other', () => {
  const activity = new Activity()
  activity.lines(call({ text: 'write a.txt' }, { path: 'a.txt' }))
  const change = (id: string) => call({ id, kind: 'file_change', text: 'a.txt', status: 'completed' })
  expect(activity.lines(change('1:files'))).toEqual([])
  expect(activity.lines(change('2:files'))).toEqual(['> a.txt'])
})

it('tells what was denied, and of what Belay itself remarks, without what would steer the terminal', () => {
  const activity = new Activity()
  const request = { id: 'r', kind: 'command', title: 't', cwd: null, paths: [], tool: null, reason: null } as const
  const event = (state: 'asked' | 'answered'): TurnEvent => ({
    type: 'approval',
    request: { ...request, command: 'rm \u001b]0;x\u0007a\u202eb' },
    state,
    answer: state === 'asked' ? null : { decision: 'deny', reason: 'no\nway' },
  })
  expect(activity.lines(event('asked'))).toEqual([])
  expect(activity.lines(event('answered'))).toEqual(['  denied: rm ]0;xab (no way)'])
  const remark = (text: string) => call({ id: text, kind: 'unknown', text })
  expect(activity.lines(remark('Belay: retried'))).toEqual(['note: retried'])
  expect(activity.lines(remark('Belay: retried'))).toEqual([])
  expect(activity.lines(remark('{"type":"x"}'))).toEqual([])
})

it('tells afterwards what was denied: a line each, a number of them, without what would steer the terminal', () => {
  expect(deniedLines([])).toEqual([])
  const one = { title: 'bash: a && rm \u001b[2Jx\ny', reason: 'rm x: removes it' }
  expect(deniedLines([one])).toEqual(['denied: bash: a && rm x y (rm x: removes it)'])
  expect(deniedLines([{ title: 'bash: a && rm x', reason: 'rm x: removes it' }])).toEqual([
    'denied: bash: a && rm x (removes it)',
  ])
  const lines = deniedLines(Array.from({ length: 12 }, (_, n) => ({ title: String(n).repeat(500), reason: 'no' })))
  expect([lines.length, lines.at(-1)]).toEqual([11, 'denied: 2 more'])
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(180)
})
