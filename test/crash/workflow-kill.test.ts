import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { WorkflowWorld } from '../support/workflow-world.ts'
import { collect, type Result } from '../support/world.ts'

const KILLER = fileURLToPath(new URL('killer.mjs', import.meta.url))
const BUILT = fileURLToPath(new URL('../support/built.cjs', import.meta.url))
/** At how many points one test run kills Belay; BELAY_CRASH_POINTS sets another number. */
const POINTS = Number(process.env['BELAY_CRASH_POINTS'] ?? 4)

let world: WorkflowWorld
afterEach(() => world.dispose())

const agent = (id: string) => ({ id, type: 'agent', prompt: `Do ${id}.`, retry: { max_attempts: 2, backoff: '1ms' } })

/** Every kind of step boundary: agents in a row, a loop, branches that are merged and tried again, a caught failure, values. */
function begin(): void {
  world = new WorkflowWorld({
    plan: [{ files: { 'plan.txt': 'plan\n' } }],
    do: [{ sh: 'echo x >> log.txt' }],
    left: [{ files: { 'left.txt': 'l\n' } }],
    right: [{ files: { 'right.txt': 'r\n' } }],
    risky: [{ error: { code: 'failed', message: 'no' } }],
    'twice.0.again': [{ files: { 'lost.txt': 'x\n' }, error: { code: 'failed', message: 'no' } }],
    'twice.0@2.again': [{ files: { 'kept.txt': 'k\n' } }],
  })
  world.flow([
    agent('plan'),
    { id: 'each', type: 'foreach', items: [1, 2], states: [agent('do')] },
    { id: 'both', type: 'parallel', branches: { a: { states: [agent('left')] }, b: { states: [agent('right')] } } },
    {
      id: 'guarded',
      type: 'try',
      states: [agent('risky')],
      catch: [{ states: [{ id: 'mend', type: 'transform', value: '${error.code} of ${error.step}' }] }],
      finally: { states: [{ id: 'tidy', type: 'inject', value: 'tidied' }] },
      timeout: '10m',
    },
    {
      id: 'twice',
      type: 'foreach',
      items: [1],
      retry: { max_attempts: 2, backoff: '1ms' },
      states: [{ id: 'again', type: 'agent', prompt: 'Do it.' }],
    },
    { id: 'route', type: 'switch', cases: [{ when: 'exists ${results.nothing}', next: 'end' }], default: 'pause' },
    { id: 'pause', type: 'timer', duration: '1ms', result: 'nothing' },
    {
      id: 'sum',
      type: 'transform',
      value: ['${steps.guarded.output}', '${steps.each.output}', '${steps.both.output}'],
    },
  ])
}

/** Runs the workflow under the killer (test/crash/killer.mjs). */
async function under(env: Readonly<Record<string, string>>): Promise<Result> {
  const child = spawn(process.execPath, ['--import', KILLER, BUILT, 'workflow', 'run', world.file], {
    cwd: world.repo,
    env: { ...world.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return collect(child)
}

interface Whole {
  readonly output: unknown
  readonly subjects: readonly string[]
  readonly tree: string
  readonly steps: readonly string[]
}

/** What a run that is through has come to, and that it left nothing behind. */
async function whole(hint: string): Promise<Whole> {
  const { run, tasks } = await world.json<{
    run: { id: string; status: string; result_branch: string }
    tasks: { handle: string; status: string }[]
  }>(['status'])
  expect(run.status, hint).toBe('done')
  expect(
    tasks.filter((task) => task.status !== 'done'),
    hint,
  ).toEqual([])
  const refs = world.git('for-each-ref', '--format=%(refname)', 'refs/heads/belay', 'refs/belay')
  expect(refs, hint).toBe(`refs/heads/${run.result_branch}`)
  expect(world.git('worktree', 'list', '--porcelain').split('\n\n'), hint).toHaveLength(1)
  expect(world.git('status', '--porcelain'), hint).toBe('')
  const { stdout } = await world.belay(['events', '--type', 'run.finished', '--json'])
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { data: { output: unknown } }
  return {
    output: last.data.output,
    subjects: world.git('log', '--format=%s', run.result_branch).split('\n').sort(),
    tree: world.git('rev-parse', `${run.result_branch}^{tree}`),
    steps: tasks.map((task) => task.handle).sort(),
  }
}

/** Steps that are over in the record: nothing may be paid for them again. */
async function over(): Promise<string[]> {
  if (!existsSync(join(world.home, 'belay.db'))) return []
  return Object.entries(await world.statuses())
    .filter(([, status]) => status === 'done')
    .map(([handle]) => handle)
}

async function undisturbed(port: string): Promise<Whole & { calls: number }> {
  begin()
  const file = join(world.dir, 'counts.json')
  const result = await under({ KILL_COUNT: file })
  expect(result.code, result.stderr).toBe(0)
  const counts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>
  const found = await whole('undisturbed')
  world.dispose()
  return { ...found, calls: counts[port] ?? 0 }
}

describe('kill -9 in a workflow', () => {
  it.each(['record', 'git', 'process'])(
    'at a call of the port %s loses nothing and does nothing twice',
    async (port) => {
      const { calls, ...expected } = await undisturbed(port)
      expect(calls).toBeGreaterThan(4)
      for (let point = 0; point < POINTS; point++) {
        const n = 1 + Math.floor((point * calls) / POINTS + Math.random() * (calls / POINTS))
        const when = Math.random() < 0.5 ? 'before' : 'after'
        const at = `${port}:${Math.min(n, calls)}:${when}`
        begin()
        const killed = await under({ KILL_AT: at })
        const safe = killed.signal === 'SIGKILL' ? await over() : []
        const before = world.asked().length
        const { run } = await world.json<{ run: object | null }>(['status'])
        const again = await (run === null ? world.run() : world.belay(['resume']))
        expect(again.code, `${at}\n${killed.stderr}\n${again.stderr}`).toBe(0)
        expect(await whole(at), at).toEqual(expected)
        expect(
          world
            .asked()
            .slice(before)
            .filter((handle) => safe.includes(handle)),
          at,
        ).toEqual([])
        // At most the turn that was in flight is taken again: the others were, or will be, taken as often as without a kill.
        expect(world.asked().length, at).toBeLessThanOrEqual(9 + 2)
        world.dispose()
      }
      begin()
    },
    600_000,
  )

  it('while a person is asked asks once, and follows the answer once', async () => {
    const count = async (): Promise<number> => {
      world = new WorkflowWorld()
      world.flow([{ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }, agent('after')])
      const file = join(world.dir, 'counts.json')
      expect((await under({ KILL_COUNT: file })).code).toBe(4)
      return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>)['record'] ?? 0
    }
    const calls = await count()
    for (let point = 0; point < POINTS; point++) {
      world.dispose()
      world = new WorkflowWorld()
      world.flow([{ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }, agent('after')])
      const at = `record:${1 + Math.floor(((point + Math.random()) * calls) / POINTS)}:${point % 2 === 0 ? 'before' : 'after'}`
      await under({ KILL_AT: at })
      const { run } = await world.json<{ run: object | null }>(['status'])
      const again = await (run === null ? world.run() : world.belay(['resume']))
      // Killed after its last word, nothing is left to go on with: 0 says so.
      if (again.code !== 4) expect(again.stdout, `${at}\n${again.stderr}`).toContain('Nothing to resume')
      const { checkpoints } = await world.json<{ checkpoints: { id: string }[] }>(['checkpoints'])
      expect(checkpoints, at).toHaveLength(1)
      const done = await world.belay(['answer', checkpoints[0]?.id ?? '', 'approve', '--resume'])
      expect(done.code, `${at}\n${done.stderr}`).toBe(0)
      expect(world.asked(), at).toEqual(['after'])
    }
  }, 600_000)
})
