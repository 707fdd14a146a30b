/** The table in docs/events.md: every existing event, and its owner. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { EVENT_TYPES } from '../src/record/index.ts'
import { BatchWorld } from './support/batch-world.ts'
import { WorkflowWorld } from './support/workflow-world.ts'
import { World } from './support/world.ts'

const ROOT = join(import.meta.dirname, '..')

/** Absent: it may be either. */
interface Owners {
  readonly task?: boolean
  readonly session?: boolean
}

/** By type, as the page has it. */
const OWNERS: ReadonlyMap<string, Owners> = new Map(
  readFileSync(join(ROOT, 'docs/events.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, types = '', , task, session] = line.split('|').map((cell) => cell.trim())
      if (session === undefined || !/^(yes|no|either)$/.test(session)) return []
      const owners = {
        ...(task === 'either' ? {} : { task: task === 'yes' }),
        ...(session === 'either' ? {} : { session: session === 'yes' }),
      }
      return [...types.matchAll(/`([a-z_.]+)`/g)].map(([, type = '']) => [type, owners] as const)
    }),
)

let world: World | null = null
afterEach(() => {
  world?.dispose()
  world = null
})

interface Line {
  readonly type: string
  readonly project: string | null
  readonly run: string | null
  readonly task: string | null
  readonly session: string | null
}

function own(): World {
  if (world === null) throw new Error('there is no world')
  return world
}

/** Checks all events of the newest run, and returns their types. */
async function checked(): Promise<ReadonlySet<string>> {
  const { run } = await own().json<{ run: { id: string } }>(['status'])
  const { stdout } = await own().belay(['events', '--run', run.id, '--json'])
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  for (const line of lines) {
    const owners = OWNERS.get(line.type)
    expect(owners, `docs/events.md says nothing of ${line.type}`).toBeDefined()
    const found = {
      project: /^[0-9a-f]{16}$/.test(line.project ?? ''),
      run: line.run,
      ...(owners?.task === undefined ? {} : { task: line.task !== null }),
      ...(owners?.session === undefined ? {} : { session: line.session !== null }),
    }
    expect(found, JSON.stringify(line)).toEqual({ project: true, run: run.id, ...owners })
  }
  return new Set(lines.map(({ type }) => type))
}

const USAGE = { input_tokens: 1, output_tokens: 1, cost_usd: 0.01 }

describe('whose an event is', () => {
  it('the page names every type that `belay events --type` takes', () => {
    expect([...OWNERS.keys()]).toEqual(EVENT_TYPES)
  })

  it('the page names every type that the sources have', () => {
    const folders = ['runs', 'kernel', 'programs', 'scheduler', 'workspace'].map((name) => `src/${name}`)
    const text = execFileSync('grep', ['-rhoE', '--include=*.ts', "type: [^'`]*['`][a-z]+\\.[a-z_]+['`]", ...folders], {
      cwd: ROOT,
      encoding: 'utf8',
    })
    const types = new Set([...text.matchAll(/['`]([a-z]+\.[a-z_]+)['`]/g)].map(([, type]) => type))
    expect(types.size).toBeGreaterThan(25)
    expect([...types].filter((type) => type === undefined || !OWNERS.has(type))).toEqual([])
  })

  it('a run: gates, setup, re-asks, rework, a question and its answer', async () => {
    const user = new World({
      implementer: {
        T001: [{ files: { 'one.txt': '1\n' }, usage: USAGE }, { files: { 'one.txt': '2\n' } }],
        T002: [{}],
      },
      reviewer: {
        T001: [
          { answer: { verdict: 'maybe' } },
          {
            answer: {
              verdict: 'rework',
              findings: [{ severity: 'high', issue: 'wrong', fixHint: 'mend', file: null, repeats: null }],
            },
          },
          {},
        ],
      },
    })
    world = user
      .config('verify: {commands: [{run: "true", name: test}]}\nworkspace: {setup: ["true"]}\n')
      .feature('001-a', ['- [ ] T001 Write one', '- [ ] T002 Write nothing'])
      .commit()
    const first = await own().belay(['run', '--accept-red-baseline', '--allow-absent-gates'])
    expect(first.code, first.stderr).toBe(4)
    const { checkpoints } = await own().json<{ checkpoints: { id: string }[] }>(['checkpoints'])
    const id = checkpoints[0]?.id ?? ''
    expect((await own().belay(['answer', id, 'accept', '--resume'])).code).toBe(0)
    expect([...(await checked())]).toEqual(
      expect.arrayContaining([
        'run.started',
        'run.resumed',
        'run.landed',
        'run.finished',
        'task.started',
        'task.phase',
        'task.waiting',
        'task.done',
        'attempt.started',
        'attempt.reasked',
        'setup.finished',
        'gate.finished',
        'review.finished',
        'checkpoint.opened',
        'checkpoint.answered',
        'session.started',
        'session.ended',
        'usage',
      ]),
    )
  })

  it('a run in which much goes wrong', async () => {
    const weird = { type: 'weird', what: 'is this' }
    const user = new World({
      implementer: {
        T001: [
          { files: { 'one.txt': '1\n' }, lines: [weird], sh: 'git branch -q of-the-agent' },
          { files: { 'one.txt': '1\n' } },
        ],
        T002: [{ files: { 'two.txt': '2\n' } }],
      },
      reviewer: { T001: [{}], T002: [{ answer: { verdict: 'replan', summary: 'cannot be' } }] },
    })
    world = user
      .config('workspace: {setup: ["echo changed >> mine.txt"]}\n')
      .files({ 'mine.txt': 'mine\n', 'one.txt': '0\n' })
      .feature('001-a', ['- [ ] T001 Write one', '- [ ] T002 Write two', '- [ ] T003 Write three'])
      .commit()
    // What the task changes too, so that the target cannot follow.
    user.files({ 'one.txt': 'unfinished\n' })
    const { code, stderr } = await own().belay(['run'])
    expect(code, stderr).toBe(3)
    expect([...(await checked())]).toEqual(
      expect.arrayContaining([
        'setup.undone',
        'item.unknown',
        'attempt.tampered',
        'run.not_landed',
        'task.replan',
        'task.skipped',
        'run.finished',
      ]),
    )
    expect(user.read('one.txt')).toBe('unfinished\n')
  })

  it('a workflow: steps, failures that are caught, questions, steps that are given up', async () => {
    const flow = new WorkflowWorld({ risky: [{ error: { code: 'failed', message: 'no' } }], '*': [{ usage: USAGE }] })
    world = flow
    const agent = (id: string) => ({ id, type: 'agent', prompt: 'Do it.', timeout: '1m' })
    flow.flow([
      { id: 'each', type: 'foreach', items: [1, 2], states: [agent('do')] },
      { id: 'safe', type: 'try', states: [agent('risky')], catch: [{ states: [agent('mend')] }] },
      { id: 'pause', type: 'timer', duration: '1ms' },
      { id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' },
    ])
    expect((await flow.run()).code).toBe(4)
    expect((await own().belay(['cancel', 'ok'])).code).toBe(0)
    expect([...(await checked())]).toEqual(
      expect.arrayContaining([
        'run.started',
        'task.suspended',
        'task.waiting',
        'task.cancelled',
        'attempt.started',
        'item.message',
        'usage',
        'checkpoint.opened',
        'session.ended',
      ]),
    )
  })

  it('a batch', async () => {
    const batch = new BatchWorld({ 'b.md': [{ answer: { summary: 3 } }, {}] })
    world = batch
    batch.batch({ glob: '*.md', exclude: [] }).files({ 'a.md': 'A', 'b.md': 'B' }).commit()
    expect((await batch.run()).code).toBe(0)
    expect([...(await checked())]).toEqual(
      expect.arrayContaining(['run.started', 'task.done', 'attempt.started', 'attempt.reasked', 'session.ended']),
    )
  })

  it('an exec: the session alone', async () => {
    world = new World({
      implementer: { exec: [{ lines: [{ type: 'message', text: 'hi' }], usage: USAGE }] },
    }).config()
    const { stdout } = await own().belay(['exec', 'question', '--json', '--session', 's', '--sandbox', 'host'])
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    expect(lines.map(({ type }) => type)).toEqual(['exec.started', 'item.message', 'usage', 'exec.finished'])
    for (const line of lines.slice(0, -1)) {
      expect(line).toMatchObject({ project: null, run: null, task: null, session: 's' })
    }
    expect(lines.at(-1)).toMatchObject({ session: 's' })
  })
})
