import * as fc from 'fast-check'
import { stringify } from 'yaml'
import { describe, expect, it } from 'vitest'
import { UNTOUCHED, type TaskRow } from '../../record/index.ts'
import { checkWorkflow, type Definition, type State } from '../../workflows/index.ts'
import { handoff } from './handoff.ts'
import { handlerOf, levelOf } from './handles.ts'
import { START, type StepResult } from './state.ts'
import { insideOf, walk } from './walk.ts'

function definition(states: readonly unknown[]): Definition {
  const found = checkWorkflow(stringify({ agent: { command: ['x'], timeout: '1m' }, states }), 'w.yaml', '/')
  if (!found.definition) throw new Error(JSON.stringify(found.issues))
  return found.definition
}

const say = (id: string): unknown => ({ id, type: 'inject', value: id })

const NESTED = [
  say('first'),
  {
    id: 'each',
    type: 'foreach',
    items: [1, 2, 3],
    max_concurrency: 2,
    states: [
      say('in'),
      {
        id: 'both',
        type: 'parallel',
        branches: { l: { states: [say('left')] }, r: { states: [say('r1'), say('r2')] } },
      },
    ],
  },
  {
    id: 'guarded',
    type: 'try',
    states: [say('risky')],
    catch: [
      { on: ['no_case'], states: [say('one')] },
      { on: ['agent_failed'], states: [say('two')] },
    ],
    finally: { states: [say('last')] },
  },
  say('end-of-it'),
]

function row(handle: string, position: number, change: Partial<TaskRow> & { result?: StepResult } = {}): TaskRow {
  const { result, ...rest } = change
  return {
    run: 'r',
    handle,
    position,
    title: handle,
    definition: { dependsOn: [], criteria: [], subject: handle },
    ...UNTOUCHED,
    epoch: 1,
    state: { ...START, items: [1, 2, 3], result: result ?? null },
    ...rest,
  }
}

/**
 * Runs a workflow as the kernel would, ending steps in the order that `pick` chooses, and returns every list of steps created.
 */
function play(flow: Definition, pick: (open: number) => number, fails: ReadonlySet<string> = new Set()) {
  const rows: TaskRow[] = []
  const made: string[] = []
  for (let guard = 0; guard < 500; guard++) {
    const found = walk(flow, rows, null)
    // Walking twice names the same steps, so nothing is created twice after a crash in between.
    expect(walk(flow, rows, null)).toEqual(found)
    for (const { handle } of found.create) {
      expect(made).not.toContain(handle)
      made.push(handle)
      rows.push(row(handle, rows.length))
    }
    for (const handle of found.join) replace(rows, handle, { status: 'queued' })
    const open = rows.filter((one) => one.status === 'queued')
    const next = open[pick(open.length) % Math.max(1, open.length)]
    if (!next) return { made, end: found.end, rows }
    step(flow, rows, next, fails)
  }
  throw new Error('it does not end')
}

function step(flow: Definition, rows: TaskRow[], task: TaskRow, fails: ReadonlySet<string>): void {
  const { state } = levelOf(flow, task.handle)
  const composite = state.type === 'foreach' || state.type === 'parallel' || state.type === 'try'
  if (composite && task.phase === null) return replace(rows, task.handle, { status: 'suspended', phase: 'join' })
  if (composite) {
    const { end } = insideOf(rows, state, task)
    if (end.kind !== 'done' && end.kind !== 'failed') throw new Error(`${task.handle} was joined too early`)
    if (end.kind === 'failed') return fail(flow, rows, task.handle, end.error.code)
    return done(rows, task.handle, state, end.output)
  }
  if (fails.has(task.handle)) return fail(flow, rows, task.handle, 'agent_failed')
  done(rows, task.handle, state, task.handle)
}

function done(rows: TaskRow[], handle: string, state: State, output: unknown): void {
  replace(rows, handle, { status: 'done', result: { kind: 'output', output, next: state.next, tip: null } })
}

function fail(flow: Definition, rows: TaskRow[], handle: string, code: string): void {
  if (handlerOf(flow, handle, code) === null) return replace(rows, handle, { status: 'blocked' })
  const error = { code, message: 'no', step: handle }
  replace(rows, handle, { status: 'done', result: { kind: 'failed', error, tip: null } })
}

function replace(rows: TaskRow[], handle: string, change: Parameters<typeof row>[2]): void {
  const at = rows.findIndex((one) => one.handle === handle)
  rows[at] = row(handle, at, { phase: rows[at]?.phase ?? null, ...change })
}

describe('walk', () => {
  it('comes to the same end in whatever order steps end, and makes none twice', () => {
    const flow = definition(NESTED)
    const expected = play(flow, () => 0)
    expect(expected.end).toMatchObject({ kind: 'done', output: 'end-of-it' })
    expect(expected.made).toHaveLength(1 + 1 + 3 * 5 + 3 + 1)
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(20)), (order) => {
        const found = play(flow, () => order.next().value ?? 0)
        expect(found.end).toEqual(expected.end)
        expect([...found.made].sort()).toEqual([...expected.made].sort())
      }),
      { numRuns: 60 },
    )
  })

  it('works on no more items at once than it may', () => {
    const flow = definition(NESTED)
    const rows = [row('first', 0), row('each', 1, { status: 'suspended', phase: 'join' })]
    done(rows, 'first', levelOf(flow, 'first').state, 1)
    expect(walk(flow, rows, null).create.map((one) => one.handle)).toEqual(['each.0.in', 'each.1.in'])
  })

  it('begins no further item after a failure, and leaves the run to a person where nobody takes it', () => {
    const found = play(definition(NESTED), () => 0, new Set(['each.0.in']))
    expect(found.end).toEqual({ kind: 'stuck' })
    expect(found.made.filter((handle) => handle.startsWith('each.2'))).toEqual([])
    expect(found.made).toContain('each.1.both.r.r2')
  })

  it('gives a failure to the first handler that takes it, and ends with what comes last', () => {
    const caught = play(definition(NESTED), () => 0, new Set(['guarded.try.risky']))
    expect(caught.end).toMatchObject({ kind: 'done' })
    expect(caught.made.slice(-4)).toEqual([
      'guarded.try.risky',
      'guarded.catch2.two',
      'guarded.finally.last',
      'end-of-it',
    ])
    const again = play(definition(NESTED), () => 0, new Set(['guarded.try.risky', 'guarded.catch2.two']))
    expect(again.end).toEqual({ kind: 'stuck' })
    expect(again.made.at(-1)).toBe('guarded.finally.last')
  })

  it('knows where each step of a line of work begins', () => {
    const flow = definition([
      say('a'),
      { id: 'p', type: 'parallel', branches: { l: { states: [say('x')] }, r: { states: [say('y')] } } },
    ])
    const rows = [row('a', 0, { status: 'done', result: { kind: 'output', output: 1, next: 'p', tip: 'c1' } })]
    expect(walk(flow, rows, 'c0').bases).toEqual(
      new Map([
        ['a', 'c0'],
        ['p', 'c1'],
      ]),
    )
    rows.push({ ...row('p', 1, { status: 'suspended', phase: 'join' }), state: { ...START, base: 'c1' } })
    const { bases, tip } = walk(flow, rows, 'c0')
    expect([bases.get('p.l.x'), bases.get('p.r.y'), tip]).toEqual(['c1', 'c1', 'c1'])
  })
})

describe('places', () => {
  const flow = definition(NESTED)

  it.each([
    ['guarded.try.risky', 'agent_failed', 'guarded'],
    ['guarded.try.risky', 'no_case', 'guarded'],
    ['guarded.catch2.two', 'no_case', 'guarded'],
    ['guarded.finally.last', 'no_case', null],
    ['each.1.both.l.left', 'agent_failed', null],
    ['first', 'agent_failed', null],
  ])('a failure of %s (%s) goes to %s', (handle, code, handler) => {
    expect(handlerOf(flow, handle, code)).toBe(handler)
  })

  it.each(['nothing', 'each.x.in', 'each.0', 'each.0.nothing', 'guarded.catch3.two', 'first.0.in', ''])(
    'there is no step %j',
    (handle) => expect(() => levelOf(flow, handle)).toThrow(/no step|without a level/),
  )

  it('tells an agent of those before it in its line of work, and of none beside it', () => {
    const agent = (id: string): unknown => ({ id, type: 'agent', prompt: id })
    const lines = definition([
      agent('a'),
      {
        id: 'p',
        type: 'parallel',
        branches: { l: { states: [agent('x'), agent('x2')] }, r: { states: [agent('y')] } },
      },
      { id: 's', type: 'foreach', items: [1, 2], states: [agent('i')] },
      { id: 'c', type: 'foreach', items: [1, 2], max_concurrency: 2, states: [agent('j')] },
    ])
    const over = (handle: string, n: number): TaskRow =>
      row(handle, n, { status: 'done', result: { kind: 'output', output: { text: handle }, next: 'end', tip: null } })
    const rows = ['a', 'p.l.x', 'p.r.y', 's.0.i', 'c.0.j'].map(over)
    const before = (handle: string, of = rows): string[] => handoff(lines, of, handle).map((one) => one.summary)
    expect(before('p.l.x2', rows.slice(0, 3))).toEqual(['a', 'p.l.x'])
    expect(before('s.1.i', rows.slice(0, 4))).toEqual(['a', 'p.l.x', 'p.r.y', 's.0.i'])
    expect(before('c.1.j')).toEqual(['a', 'p.l.x', 'p.r.y', 's.0.i'])
  })
})
