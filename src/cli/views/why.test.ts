import { describe, expect, it } from 'vitest'
import { UNTOUCHED, type CheckpointRow, type RunRow, type TaskRow } from '../../record/index.ts'
import { whyTask, type Standing } from './why.ts'

const NOW = Date.parse('2026-11-21T12:00:00.000Z')

const RUN: RunRow = {
  id: '20261121-110000-abcdef',
  project: 'p',
  program: 'direct',
  status: 'running',
  reason: null,
  source: { kind: 'spec-kit', feature: '001-x', path: 'specs/001-x', prompt: null },
  target: 'main',
  base: 'b',
  resultBranch: 'belay/20261121-110000-abcdef/result',
  landed: true,
  finishCommand: null,
  options: {},
  config: {},
  wakeAt: null,
  createdAt: '2026-11-21T11:00:00.000Z',
  endedAt: null,
  workedMs: 0,
}

const TASK: TaskRow = {
  run: RUN.id,
  handle: 'T002',
  position: 1,
  title: 'Do it',
  definition: { dependsOn: [], criteria: [], subject: 'Do it' },
  ...UNTOUCHED,
}

const HOLDER = { host: 'here', pid: 42 }

function why(
  task: Partial<TaskRow>,
  more: Partial<Omit<Standing, 'task'>> = {},
): { sentence: string; next: string | null } {
  return whyTask({
    run: RUN,
    ref: 'T002',
    waitsFor: [],
    wanted: true,
    question: null,
    holder: null,
    now: NOW,
    ...more,
    task: { ...TASK, ...task },
  })
}

const LANDED: Partial<TaskRow> = {
  status: 'done',
  commit: '0123456789abcdef',
  attempt: 2,
  state: {
    gates: [
      { name: 'unit', result: 'pass' },
      { name: 'e2e', result: 'absent' },
    ],
  },
}

describe('a task that is done', () => {
  it('names what proves it and where it is', () => {
    expect(why(LANDED)).toEqual({
      sentence: 'T002 is done: proven by unit, e2e (absent), reviewed, after 2 attempts; commit 0123456789ab on main',
      next: null,
    })
  })

  it('says when nothing proves it', () => {
    expect(why({ ...LANDED, attempt: 1, state: {} }).sentence).toBe(
      'T002 is done: no gates are configured, reviewed, at the first attempt; commit 0123456789ab on main',
    )
  })

  it('says what a person decided', () => {
    expect(why({ ...LANDED, state: { personApproved: true } }).sentence).toContain('reviewed and approved by a person')
    expect(why({ ...LANDED, state: { emptyAccepted: true } }).sentence).toContain('nothing had to be changed')
  })

  it('names the command that finishes what could not follow', () => {
    const run = { ...RUN, landed: false, finishCommand: 'git merge --ff-only x' }
    const { sentence, next } = why(LANDED, { run })
    expect(sentence).toContain(`on ${RUN.resultBranch}, which main could not follow`)
    expect(next).toBe('git merge --ff-only x')
  })

  it('says when it was done before', () => {
    expect(why({ status: 'done' }).sentence).toBe('T002 is done: it was done already when the run began')
  })

  it('is on the result branch while nothing follows', () => {
    expect(why(LANDED, { run: { ...RUN, target: null, landed: null } }).sentence).toContain(`on ${RUN.resultBranch}`)
  })
})

describe('a task that is not done', () => {
  it.each<[string, Partial<TaskRow>, Partial<Omit<Standing, 'task'>>, string, string | null]>([
    [
      'is at work',
      { status: 'running', phase: 'verify', phaseStartedAt: '2026-11-21T11:58:55.000Z' },
      { holder: HOLDER },
      'T002 is being worked on: phase verify, for 1m05s (process 42)',
      'belay logs T002 --follow',
    ],
    [
      'was left by a process that died',
      { status: 'running', phase: 'verify' },
      {},
      'T002 is not done: it was in phase verify, but the process that worked on it is gone',
      `belay resume ${RUN.id}`,
    ],
    ['waits for its turn', {}, { holder: HOLDER }, 'T002 is not done: its turn has not come yet', 'belay status'],
    [
      'waits for its turn, and nobody works',
      {},
      {},
      'T002 is not done: its turn has not come yet',
      `belay resume ${RUN.id}`,
    ],
    [
      'waits for others',
      {},
      {
        holder: HOLDER,
        waitsFor: [
          { handle: 'T000', status: 'running' },
          { handle: 'T001', status: 'queued' },
        ],
      },
      'T002 is not done: it waits for T000 (running) and 1 more',
      'belay status',
    ],
    [
      'waits for one that is held up',
      {},
      { waitsFor: [{ handle: 'T000', status: 'waiting' }] },
      'T002 is not done: it waits for T000 (waiting)',
      'belay show T000',
    ],
    [
      'is blocked',
      { status: 'blocked', reason: { code: 'x', message: 'no key' } },
      {},
      'T002 is not done: it is blocked: no key',
      'belay retry T002 --resume, or: belay unblock T002 --note "..." --resume',
    ],
    [
      'has to be replanned',
      { status: 'replan', reason: { code: 'x', message: 'contradicts the spec' } },
      {},
      'T002 is not done: the task itself has to be changed: contradicts the spec',
      'change it in specs/001-x, commit, then: belay retry T002 --resume',
    ],
    ['was cancelled', { status: 'cancelled' }, {}, 'T002 is not done: it was cancelled', 'belay retry T002 --resume'],
    [
      'was skipped',
      { status: 'skipped', reason: { code: 'dependency', message: 'waits for T001' } },
      { waitsFor: [{ handle: 'T001', status: 'blocked' }] },
      'T002 is not done: it was skipped: waits for T001 (T001 is blocked)',
      'belay show T001',
    ],
    [
      'was skipped behind one that is mended',
      { status: 'skipped' },
      {},
      'T002 is not done: it was skipped',
      'belay resume',
    ],
    [
      'waits for quota',
      { status: 'suspended', reason: { code: 'agent_quota', message: 'used up' }, wakeAt: '2026-11-21T12:10:00.000Z' },
      { holder: HOLDER },
      'T002 is not done: it is suspended: used up (in 10m00s)',
      'belay status',
    ],
    [
      'could go on after a quota',
      { status: 'suspended', reason: { code: 'agent_quota', message: 'used up' }, wakeAt: '2026-11-21T11:59:00.000Z' },
      {},
      'T002 is not done: it is suspended: used up (now)',
      `belay resume ${RUN.id}`,
    ],
    [
      'has no budget left',
      { status: 'suspended', reason: { code: 'budget_wall', message: 'its 8h are over' } },
      {},
      'T002 is not done: it is suspended: its 8h are over',
      `belay resume ${RUN.id} --budget-wall DURATION`,
    ],
    [
      'waits for a person that nobody asked',
      { status: 'waiting', reason: { code: 'x', message: 'look' } },
      {},
      'T002 is not done: it waits for a person: look',
      'belay checkpoints',
    ],
  ])('%s', (_, task, more, sentence, next) => {
    expect(why(task, more)).toEqual({ sentence, next })
  })

  it('names the question and its options, and nothing that a shell would take for a pipe', () => {
    const question: CheckpointRow = {
      id: 'cp-1',
      run: RUN.id,
      task: 'T002',
      kind: 'attention',
      question: 'Approve it?',
      options: ['approve', 'block'],
      context: {},
      status: 'open',
      answer: null,
      note: null,
      createdAt: RUN.createdAt,
      closedAt: null,
    }
    expect(why({ status: 'waiting' }, { question })).toEqual({
      sentence: 'T002 is not done: it waits for a person: Approve it?',
      next: 'belay answer cp-1 VALUE --resume (VALUE: approve, block)',
    })
  })

  it('names tasks of an older run with their run', () => {
    const ref = `${RUN.id}/T002`
    expect(why({}, { ref, waitsFor: [{ handle: 'T001', status: 'blocked' }] }).next).toBe(`belay show ${RUN.id}/T001`)
    expect(why({ status: 'cancelled' }, { ref }).next).toBe(`belay retry ${ref} --resume`)
  })
})
