import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { events, eventually, prompts, refusal, status, task, tasks } from './support/people.ts'
import { collect, World, type Scenario, type Turn } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario, lines: readonly string[] = ['- [ ] T001 Write one']): World {
  world = new World(scenario)
  world.env['NODE'] = process.execPath
  return world.config('task: {max_iterations: 1}\n').feature('001-a', lines).commit()
}

/** A turn that does half of the work and then has no allowance left until `at`. */
function exhausted(at: number | null, code = 'quota'): Turn {
  const error = { code, message: 'usage limit reached', retry_at: at === null ? null : new Date(at).toISOString() }
  return { files: { 'half.txt': 'half\n' }, error }
}

/** As `exhausted`, until so many ms after the agent says so. */
function exhaustedFor(ms: number): Turn {
  const frame = `{type:"error",code:"quota",message:"usage limit reached",retry_at:new Date(Date.now()+${ms}).toISOString()}`
  return { files: { 'half.txt': 'half\n' }, sh: `"$NODE" -e 'console.log(JSON.stringify(${frame}))'` }
}

/** The time at which a suspended task goes on, as its reason says. */
function timeIn(reason: unknown): number {
  return Date.parse(/goes on at (\S+)$/.exec((reason as { message: string } | null)?.message ?? '')?.[1] ?? '')
}

const REST: Turn = { sh: 'test "$(cat half.txt)" = half && echo 1 > one.txt' }

describe('an exhausted quota', () => {
  it('is waited for until the named time; then the same conversation goes on', async () => {
    start({ implementer: { T001: [exhaustedFor(10_000), REST] }, byCall: true })
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    const [suspended] = await events(world, 'task.suspended')
    expect(suspended).toMatchObject({ task: 'T001', data: { reason: { code: 'agent_quota' } } })
    const at = timeIn(suspended?.data['reason'])
    const resumed = (await events(world, 'task.resumed')).find((event) => event.task === 'T001')
    expect(Date.parse(resumed?.time ?? '')).toBeGreaterThanOrEqual(at)
    expect(at).toBeGreaterThan(Date.parse(suspended?.time ?? ''))
    const turns = world
      .requests()
      .filter((one) => (one['task'] as { handle: string }).handle === 'T001' && one['role'] === 'implementer')
    expect(turns.map((turn) => turn['attempt'])).toEqual([1, 1])
    expect(prompts(world, 'implementer', 'T001')[1]).toContain('cut off')
    const sessions = (await events(world, 'session.started')).filter(
      (event) => event.task === 'T001' && event.data['role'] === 'implementer',
    )
    expect(sessions).toHaveLength(1)
    expect(world.read('half.txt')).toBe('half\n')
  })

  it("holds back what would ask the same agent, while other agents' tasks go on; what is held has met nothing", async () => {
    world = new World()
    world.env['NODE'] = process.execPath
    const mark = (name: string): string => join(world.dir, name)
    const awaited = (name: string): string => `while [ ! -e "${mark(name)}" ]; do sleep 0.02; done`
    const met = exhaustedFor(30_000)
    world.script({
      implementer: {
        // The quota is met when T002 is being reviewed; the review ends when that is on record.
        T001: [{ ...met, sh: `${awaited('reviewing')}; ${met.sh ?? ''}` }, REST],
        '*': [{ sh: 'echo "$RANDOM" > "$(mktemp new-XXXXXX.txt)"' }],
      },
      reviewer: { T002: [{ sh: `touch "${mark('reviewing')}"; ${awaited('on-record')}` }], '*': [{}] },
      byCall: true,
    })
    world.config('concurrency: 2\n')
    // Another account, so another quota.
    world.files({ 'belay.yaml': world.read('belay.yaml').replace('reviewer: {', 'reviewer: {env: {ACCOUNT: two}, ') })
    world
      .feature('001-a', ['- [ ] T001 [P] Write one', '- [ ] T002 [P] Write two', '- [ ] T003 [P] Write three'])
      .commit()
    const running = world.belay(['run'])
    await eventually(async () => (await events(world, 'task.suspended')).some(({ task: of }) => of === 'T001'))
    writeFileSync(mark('on-record'), '')
    const run = await running
    expect(run.code, run.stderr).toBe(0)
    const suspended = await events(world, 'task.suspended')
    expect(suspended.map((event) => [event.task, event.data['phase'], event.data['reason']])).toEqual([
      [
        'T001',
        'implement',
        { code: 'agent_quota', message: expect.stringMatching(/^usage limit reached; goes on at/) },
      ],
      ['T003', 'implement', { code: 'agent_quota', message: expect.stringMatching(/which task T001 met; goes on at/) }],
    ])
    const at = timeIn(suspended[0]?.data['reason'])
    expect(timeIn(suspended[1]?.data['reason'])).toBe(at)
    const began = await events(world, 'session.started')
    const early = began.filter((event) => event.seq > (suspended[0]?.seq ?? 0) && Date.parse(event.time) < at)
    expect(early).toEqual([])
    const landed = (await events(world, 'task.done')).find((event) => event.task === 'T002')
    expect(Date.parse(landed?.time ?? '')).toBeLessThan(at)
    // One try of T001 met the quota, and nobody else's.
    expect(prompts(world, 'implementer')).toHaveLength(4)
    expect(await tasks(world)).toBe('T001 done, T002 done, T003 done')
  })

  it('holds the others back over a restart, until its user sends on the task that met it', async () => {
    start({ implementer: { T001: [exhausted(Date.now() + 3_600_000), REST] }, byCall: true }, [
      '- [ ] T001 [P] Write one',
      '- [ ] T002 [P] Write two',
    ])
    const run = await world.belay(['run', '--no-wait'])
    expect(run.code, run.stderr).toBe(5)
    expect(await tasks(world)).toBe('T001 suspended, T002 suspended')
    const again = await world.belay(['retry', 'T002', '--resume', '--no-wait'])
    expect(again.code, again.stderr).toBe(5)
    expect(prompts(world, 'implementer')).toHaveLength(1)
    world.script({ implementer: { T001: [{ files: { 'one.txt': '1\n' } }], T002: [{ files: { 'two.txt': '2\n' } }] } })
    for (const handle of ['T001', 'T002']) expect((await world.belay(['retry', handle])).code).toBe(0)
    const end = await world.belay(['resume', '--no-wait'])
    expect(end.code, end.stderr).toBe(0)
    expect(await tasks(world)).toBe('T001 done, T002 done')
  })

  it('is left with exit 5 by who does not wait, also when resumed too early; a reviewer waits like anybody', async () => {
    const far = Date.now() + 3_600_000
    start(
      {
        implementer: { T001: [{ files: { 'one.txt': '1\n' } }] },
        reviewer: { T001: [exhausted(far, 'rate_limit'), {}] },
      },
      ['- [ ] T001 Write one', '- [ ] T002 Write two'],
    )
    const run = await world.belay(['run', '--no-wait'])
    expect(run.code, run.stderr).toBe(5)
    expect(await tasks(world)).toBe('T001 suspended, T002 queued')
    expect(await task(world, 'T001')).toMatchObject({
      phase: 'review',
      attempt: 1,
      reason: { code: 'agent_rate_limit' },
    })
    expect((await status(world)).run.status).toBe('suspended')
    const early = await world.belay(['resume', '--no-wait'])
    expect(early.code, early.stderr).toBe(5)
    expect(prompts(world, 'reviewer')).toHaveLength(1)
    expect(await refusal(world, ['unblock', 'T001'])).toMatchObject({
      code: 2,
      error: { code: 'not_blocked', received: 'suspended' },
    })
    // Who knows better than the clock begins again where the task stands.
    world.script({ implementer: { '*': [{ files: { 'two.txt': '2\n' } }] } })
    const again = await world.belay(['retry', 'T001', '--from', 'review', '--resume', '--no-wait'])
    expect(again.code, again.stderr).toBe(0)
  })

  it('can be left by Ctrl-C, and its task given up by its user, while it is waited for', async () => {
    const far = exhausted(Date.now() + 3_600_000)
    start({ implementer: { '*': [far] } })
    const first = world.start(['run'])
    const left = collect(first)
    await eventually(async () => (await tasks(world)) === 'T001 suspended')
    first.kill('SIGINT')
    expect((await left).code).toBe(130)
    const second = collect(world.start(['resume']))
    await eventually(async () => (await status(world)).run.status === 'running')
    expect((await world.belay(['cancel', 'T001'])).code).toBe(0)
    const ended = await second
    expect(ended.code, ended.stderr).toBe(3)
    expect(await tasks(world)).toBe('T001 cancelled')
    expect(prompts(world, 'implementer')).toHaveLength(1)
  })

  it('that names no time is tried again after a minute', async () => {
    start({ implementer: { T001: [exhausted(null)] } })
    const before = Date.now()
    const run = await world.belay(['run', '--no-wait'])
    expect(run.code, run.stderr).toBe(5)
    const { reason } = await task(world, 'T001')
    const at = timeIn(reason)
    expect(at).toBeGreaterThanOrEqual(before + 60_000)
    expect(at).toBeLessThan(Date.now() + 60_000)
  })
})
