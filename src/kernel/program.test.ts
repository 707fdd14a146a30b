import { describe, expect, it } from 'vitest'
import { buildProgram, drawMermaid, drawProgram, isEnd } from './index.ts'
import { phaseOf } from './testing/programs.ts'

const done = { end: 'done' } as const

describe('buildProgram', () => {
  it('accepts a program in which every phase is reached and can end', () => {
    const program = buildProgram('good', 'a', {
      a: phaseOf('a', { ok: { to: 'b' }, again: { to: 'a' } }),
      b: phaseOf('b', { ok: done, wait: { pause: 'waiting', at: 'c' } }),
      c: phaseOf('c', { ok: { to: 'b' } }),
    })
    expect([...program.phases.keys()]).toEqual(['a', 'b', 'c'])
    expect(program.entry).toBe('a')
  })

  it.each([
    ['an entry that is none', 'x', { a: phaseOf('a', { ok: done }) }, 'entry "x" is not a phase'],
    ['a target that is none', 'a', { a: phaseOf('a', { ok: { to: 'b' }, end: done }) }, '"a" on "ok" leads to "b"'],
    [
      'a pause that goes on nowhere',
      'a',
      { a: phaseOf('a', { ok: { pause: 'queued', at: 'b' }, end: done }) },
      '"a" on "ok" leads to "b"',
    ],
    [
      'a phase that nothing leads to',
      'a',
      { a: phaseOf('a', { ok: done }), b: phaseOf('b', { ok: done }) },
      'phase "b" cannot be reached',
    ],
    [
      'a phase without outcome',
      'a',
      { a: phaseOf('a', { ok: { to: 'b' }, end: done }), b: phaseOf('b', {}) },
      'phase "b" has no outcome',
    ],
    [
      'a circle without end',
      'a',
      { a: phaseOf('a', { ok: { to: 'b' }, end: done }), b: phaseOf('b', { ok: { pause: 'suspended', at: 'b' } }) },
      'no end can be reached from "b"',
    ],
    // Names of Object's own properties must not count as phases.
    [
      'a target that every object has',
      'a',
      { a: phaseOf('a', { ok: { to: 'constructor' }, end: done }) },
      '"constructor", which is not a phase',
    ],
  ])('refuses %s', (_, entry, phases, fault) => {
    expect(() => buildProgram('bad', entry, phases)).toThrow(fault)
    expect(() => buildProgram('bad', entry, phases)).toThrow('program "bad" is not valid')
  })

  it('names all faults at once', () => {
    const build = (): unknown => buildProgram('bad', 'x', { a: phaseOf('a', { ok: { to: 'y' } }) })
    expect(build).toThrow(/entry "x".*leads to "y".*cannot be reached.*no end/)
  })
})

describe('drawing', () => {
  const program = buildProgram('drawn', 'work', {
    work: phaseOf('work', { ok: { to: 'check' }, stuck: { end: 'blocked' } }),
    check: phaseOf('check', { passed: done, ask: { pause: 'waiting', at: 'work' } }),
  })

  it('shows every outcome as text', () => {
    expect(drawProgram(program)).toBe(
      [
        'program drawn, begins at work',
        '',
        'work: does work',
        '  ok    -> check',
        '  stuck -> [blocked]',
        '',
        'check: does check',
        '  passed -> [done]',
        '  ask    -> (waiting) then work',
      ].join('\n'),
    )
  })

  it('shows every outcome as a Mermaid diagram', () => {
    expect(drawMermaid(program).split('\n')).toEqual([
      'stateDiagram-v2',
      '  [*] --> work',
      '  work --> check: ok',
      '  work --> blocked: stuck',
      '  check --> done: passed',
      '  check --> check_waiting: ask',
      '  check_waiting --> work',
      '  blocked --> [*]',
      '  done --> [*]',
    ])
  })
})

it('knows ends from pauses', () => {
  expect((['done', 'blocked', 'replan', 'cancelled'] as const).every(isEnd)).toBe(true)
  expect((['queued', 'running', 'waiting', 'suspended', 'skipped'] as const).some(isEnd)).toBe(false)
})
