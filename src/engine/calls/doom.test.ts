import { describe, expect, it } from 'vitest'
import { DoomWatch } from './doom.ts'

/**
 * Plays calls (letters) and their results until a call is refused. Returns the warnings, and the number of calls made by then.
 */
function play(
  calls: string,
  result: (n: number) => string = () => 'same',
): { warned: number[]; stopped: number | null } {
  const watch = new DoomWatch()
  const warned: number[] = []
  for (const [n, letter] of calls.split('').entries()) {
    if (watch.judge('bash', { command: letter }) !== 'run') return { warned, stopped: n + 1 }
    watch.begin('bash', { command: letter })(result(n))
    if (watch.warning() !== null) warned.push(n + 1)
  }
  return { warned, stopped: null }
}

describe('repetition', () => {
  it('of one call is warned of at the third and stopped at the fifth', () => {
    expect(play('AAAAAAAA')).toEqual({ warned: [3], stopped: 5 })
  })

  it('of a cycle is seen like that of one call', () => {
    expect(play('ABABABABABAB')).toEqual({ warned: [6], stopped: 10 })
    expect(play('ABCABCABCABCABCABC')).toEqual({ warned: [9], stopped: 15 })
    expect(play('ABCDABCDABCDABCDABCDABCD')).toEqual({ warned: [12], stopped: 20 })
  })

  it('is seen also when it begins in the middle of work', () => {
    expect(play('XYZQABABABABAB')).toEqual({ warned: [10], stopped: 14 })
  })

  it('of other calls in between is none', () => {
    expect(play('AABAACAADAAEAAF').stopped).toBeNull()
    expect(play('ABCDEFGHABCDEFGH')).toEqual({ warned: [], stopped: null })
  })

  it('with results that change is waiting, which is allowed for longer', () => {
    expect(play('A'.repeat(20), String)).toEqual({ warned: [8], stopped: 12 })
  })

  it('is forgotten when something else is done, and warned of again', () => {
    expect(play('AAABAAAAA')).toEqual({ warned: [3, 7], stopped: 9 })
  })

  it('does not depend on the order of keys, and does on their values and the tool', () => {
    const watch = new DoomWatch()
    watch.begin('bash', { a: 1, b: { c: 2, d: 3 } })('x')
    watch.begin('bash', { b: { d: 3, c: 2 }, a: 1 })('x')
    watch.begin('bash', { a: 1, b: { c: 2, d: 3 } })('x')
    expect(watch.warning()).toContain('the same call 3 times')
    const other = new DoomWatch()
    for (const [tool, input] of [
      ['bash', { a: 1 }],
      ['bash', { a: 2 }],
      ['read', { a: 2 }],
    ] as const)
      other.begin(tool, input)('x')
    expect(other.warning()).toBeNull()
    // The same words, each time for another tool.
    const tools = ['bash', 'read', 'grep', 'glob', 'git_log', 'skill']
    const many = new DoomWatch()
    for (const tool of tools) {
      expect(many.judge(tool, { path: 'x' })).toBe('run')
      many.begin(tool, { path: 'x' })('x')
      expect(many.warning()).toBeNull()
    }
  })

  it('of calls without arguments, or with strange ones, is seen as well', () => {
    const watch = new DoomWatch()
    for (let n = 0; n < 3; n++) watch.begin('list', undefined)('x')
    expect(watch.warning()).not.toBeNull()
  })
})
