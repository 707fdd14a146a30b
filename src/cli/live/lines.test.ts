import { describe, expect, it } from 'vitest'
import { liveLines } from './lines.ts'
import type { LiveState, LiveTask } from './state.ts'

const NOW = 1_000_000

function task(handle: string, change: Partial<LiveTask>): LiveTask {
  return {
    handle,
    title: `title of ${handle}`,
    status: 'queued',
    phase: null,
    attempt: 0,
    since: null,
    wakeAt: null,
    cost: null,
    reason: null,
    said: null,
    question: null,
    ...change,
  }
}

function lines(tasks: readonly LiveTask[], rows = 24, cost: string | null = null): string[] {
  const state: LiveState = { run: 'R', begun: NOW - 65_400, tasks, cost }
  return liveLines(state, { rows, now: NOW, color: false })
}

const WORKING = task('T1', {
  status: 'running',
  phase: 'implement',
  attempt: 1,
  since: NOW - 5900,
  said: 'implementer: hm',
})

describe('the block', () => {
  it('says how the run stands, then what is at work and what is held up, in that order', () => {
    const all = [
      task('T5', { status: 'skipped', reason: 'waits for T3' }),
      task('T4', { status: 'suspended', wakeAt: NOW + 90_000, reason: 'quota' }),
      task('T3', { status: 'blocked', reason: 'no key' }),
      task('T2', { status: 'waiting', question: 'cp-1', reason: 'look' }),
      WORKING,
      task('T0', { status: 'done' }),
      task('T6', {}),
    ]
    expect(lines(all, 24, '$1.00')).toEqual([
      'run R  1 of 7 done, 1 queued, 1 waiting, 1 suspended, 1 blocked, 1 skipped, 1m05s, $1.00',
      '> T1  implement 2  5s      title of T1',
      '      implementer: hm',
      '? T2  waiting              belay answer cp-1: look',
      '~ T4  suspended    in 1m30s  quota',
      '! T3  blocked              no key',
      '  T5  skipped              waits for T3',
    ])
  })

  it('gives costs a column of their own when there are any', () => {
    expect(
      lines([WORKING, task('T2', { status: 'running', phase: 'verify', since: NOW, cost: '$0.5000' })]).slice(1),
    ).toEqual([
      '> T1  implement 2  5s               title of T1',
      '      implementer: hm',
      '> T2  verify       0s      $0.5000  title of T2',
    ])
  })

  it.each([
    [1, ['run R  0 of 3 done, 1m05s']],
    [2, ['run R  0 of 3 done, 1m05s', '  and 3 more: belay status']],
    [3, ['run R  0 of 3 done, 1m05s', '> T1  implement 2  5s      title of T1', '  and 2 more: belay status']],
    [
      5,
      [
        'run R  0 of 3 done, 1m05s',
        '> T1  implement 2  5s      title of T1',
        '      implementer: hm',
        '> T2  implement 2  5s      title of T2',
        '> T3  implement 2  5s      title of T3',
      ],
    ],
    [
      4,
      [
        'run R  0 of 3 done, 1m05s',
        ...['T1', 'T2', 'T3'].map((handle) => `> ${handle}  implement 2  5s      title of ${handle}`),
      ],
    ],
  ])('keeps to %i lines, and says what is left out', (rows, wanted) => {
    const three = ['T1', 'T2', 'T3'].map((handle) => ({ ...WORKING, handle, title: `title of ${handle}` }))
    expect(lines(three, rows)).toEqual(wanted)
  })

  it('stays a glance in a tall window with many tasks', () => {
    const many = Array.from({ length: 40 }, (_, i) => ({ ...WORKING, handle: `T${i}` }))
    const shown = lines(many, 200)
    expect(shown.length).toBeLessThanOrEqual(14)
    expect(shown.at(-1)).toMatch(/^ {2}and \d+ more: belay status$/)
  })

  it('is coloured only when asked', () => {
    const state: LiveState = { run: 'R', begun: NOW, tasks: [WORKING], cost: null }
    expect(liveLines(state, { rows: 9, now: NOW, color: true }).join('')).toContain('\u001b[36m')
    expect(lines([WORKING]).join('')).not.toContain('\u001b')
  })
})
