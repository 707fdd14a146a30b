import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordStore, appendEvents } from '../src/record/index.ts'
import { outcomesWorld } from './support/outcomes-world.ts'
import { World, collect } from './support/world.ts'

interface Line {
  readonly seq: number
  readonly time: string
  readonly type: string
  readonly project: string | null
  readonly run: string | null
  readonly task: string | null
  readonly data: Record<string, unknown>
}

let world: World
let all: Line[]
beforeAll(async () => {
  world = await outcomesWorld()
  all = await events()
})
afterAll(() => world.dispose())

function parse(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

async function events(...args: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await world.belay(['events', '--json', ...args])
  expect([code, stderr]).toEqual([0, ''])
  return parse(stdout)
}

describe('belay events', () => {
  it('prints event lines of the agreed shape, in order', () => {
    const keys = ['seq', 'time', 'type', 'version', 'project', 'run', 'task', 'session', 'actor', 'data']
    expect(Object.keys(all[0] ?? {})).toEqual(keys)
    expect(all.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq).toSorted((a, b) => a - b))
    expect(all[0]).toMatchObject({
      type: 'run.started',
      data: { progress: { blocked: 0, completed: 0, suspended: 0, total: 4 } },
    })
    expect(all.at(-1)).toMatchObject({ type: 'run.finished', status: 'waiting' })
  })

  it('--from is inclusive', async () => {
    const middle = all[10]?.seq ?? 0
    expect(await events('--from', String(middle))).toEqual(all.slice(10))
  })

  it('--since begins at a time, or as long ago as it says', async () => {
    const middle = all[Math.floor(all.length / 2)]?.time ?? ''
    expect(await events('--since', middle)).toEqual(all.filter(({ time }) => time >= middle))
    expect(await events('--since', '2h')).toEqual(all)
    const later = new Date(Date.parse(all.at(-1)?.time ?? '') + 1).toISOString()
    expect(await events('--since', later)).toEqual([])
    for (const wrong of ['soon', '3', '2026-99-99', '']) {
      const { code, stderr } = await world.belay(['events', '--since', wrong])
      expect([wrong, code, stderr]).toEqual([wrong, 2, expect.stringContaining('--since takes a time [usage]')])
    }
  })

  it('--type, --task and --run narrow it down', async () => {
    expect(await events('--type', 'gate.*')).toEqual(all.filter(({ type }) => type.startsWith('gate.')))
    expect(await events('--type', 'task.done')).toEqual(all.filter(({ type }) => type === 'task.done'))
    expect(await events('--task', 'T004')).toEqual(all.filter(({ task }) => task === 'T004'))
    const run = all[0]?.run ?? ''
    expect(await events('--run', run)).toEqual(all)
    expect(await events('--task', `${run}/T004`)).toEqual(all.filter(({ task }) => task === 'T004'))
  })

  it('refuses a type that no event has, and names the one that is near', async () => {
    const asked = async (type: string) => {
      const { code, stdout, stderr } = await world.belay(['events', '--type', type])
      return [code, stdout, /next: +(.*)/.exec(stderr)?.[1]]
    }
    expect(await asked('nope')).toEqual([2, '', 'docs/events.md lists all types'])
    expect(await asked('gate.finish')).toEqual([2, '', 'did you mean gate.finished?'])
    expect(await asked('gates.*')).toEqual([2, '', 'did you mean gate.*?'])
    expect((await asked('(gate|x).*'))[0]).toBe(2)
    expect(await world.json(['events', '--type', ''])).toMatchObject({
      error: { code: 'usage', received: '', expected: expect.stringContaining('run.*, task.*') as string },
    })
    // Types that are known and have no event here, and patterns of every form.
    for (const type of ['item.*', 'agent.available', '*.failed', 'usage', '*', 'TASK.DONE', '*ta*.*ne'])
      expect((await asked(type))[0], type).toBe(0)
  })

  it('refuses a task or run that is not there', async () => {
    expect(await world.json(['events', '--task', 'T01'])).toMatchObject({
      error: { code: 'task_unknown', next: 'did you mean T001?' },
    })
    expect(await world.json(['events', '--run', 'nope'])).toMatchObject({ error: { code: 'run_unknown' } })
  })

  it('shows only what happened in this repository, except by --run', async () => {
    const other = new World()
    try {
      const env = { BELAY_HOME: world.home }
      other.config().commit()
      expect((await other.belay(['events', '--json'], { env })).stdout).toBe('')
      const run = all[0]?.run ?? ''
      expect(parse((await other.belay(['events', '--json', '--run', run], { env })).stdout)).toEqual(all)
      expect(parse((await other.belay(['events', '--json', '--run', run], { env, cwd: other.dir })).stdout)).toEqual(
        all,
      )
    } finally {
      other.dispose()
    }
  })

  it('has a line for people for every event, without control characters', async () => {
    const { stdout } = await world.belay(['events'])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe(`run ${all[0]?.run}`)
    for (const { seq } of all)
      expect(lines.filter((line) => line.startsWith(`${String(seq).padStart(6)}  `))).toHaveLength(1)
    expect(stdout).toMatch(/ T001 {2}gate check \(verify\): fail: it ended with exit status 3 /)
    expect(stdout).toMatch(/ T001 {2}used 1000 \+ 20 tokens, \$0\.2500\n/)
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  })
})

describe('belay events --follow', () => {
  it('goes on until Ctrl-C, and is taken up again exactly', async () => {
    const own = new World({
      implementer: { T001: [{ files: { 'a.txt': 'a\n' } }], T002: [{ files: { 'b.txt': 'b\n' } }] },
    })
    try {
      own.config().feature('001-x', ['- [ ] T001 One', '- [ ] T002 Two']).commit()
      const seen: Line[] = []
      let from = 1
      const work = own.belay(['run'])
      // Left and taken up again and again, while the run goes on.
      while (seen.at(-1)?.type !== 'run.finished') {
        const child = own.start(['events', '--follow', '--json', '--from', String(from)])
        const printed = collect(child)
        let text = ''
        child.stdout?.on('data', (chunk: Buffer) => {
          text += chunk.toString('utf8')
          if (text.split('\n').length > 12 || text.includes('run.finished')) child.kill('SIGINT')
        })
        const { code, stdout } = await printed
        expect(code).toBe(130)
        seen.push(...parse(stdout))
        from = (seen.at(-1)?.seq ?? 0) + 1
      }
      expect((await work).code).toBe(0)
      expect(seen).toEqual(parse((await own.belay(['events', '--json'])).stdout))
    } finally {
      own.dispose()
    }
  })

  it('ends when nobody reads on', async () => {
    const own = new World()
    try {
      own.config().commit()
      await own.belay(['run', 'Say hello'])
      const child = own.start(['events', '--follow', '--json'])
      const closed = once(child, 'close')
      await once(child.stdout ?? child, 'data')
      child.stdout?.destroy()
      // Something has to be written for the closed pipe to show.
      await own.belay(['run', 'Say hello again'])
      expect((await closed)[0]).toBe(0)
    } finally {
      own.dispose()
    }
  })
})

describe('belay logs', () => {
  it('tells what the agents said, attempt by attempt, without control characters', async () => {
    const { code, stdout } = await world.belay(['logs', 'T001'])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^--- attempt 1, implementer, s-\w+\nLet me look\.\n\]0;evil titleSecond red line\n {2}\? .*nobody knows.*\n\n--- attempt 2, implementer, s-\w+\nIt must be 42\n\n--- attempt 2, reviewer, s-\w+\nReading the diff\n$/,
    )
  })

  it('--attempt and --role narrow it down', async () => {
    const { stdout } = await world.belay(['logs', 'T001', '--attempt', '2', '--role', 'reviewer'])
    expect(stdout).toMatch(/^--- attempt 2, reviewer, s-\w+\nReading the diff\n$/)
    expect(await world.json(['logs', 'T001', '--attempt', '4'])).toMatchObject({
      error: { code: 'attempt_unknown', expected: '1 to 3' },
    })
  })

  it('--json prints event lines', async () => {
    const { stdout } = await world.belay(['logs', 'T001', '--json'])
    expect(parse(stdout)).toEqual(all.filter(({ type, task }) => task === 'T001' && type.startsWith('item.')))
  })

  it('--raw prints the frames as they were written', async () => {
    const { stdout } = await world.belay(['logs', 'T001', '--raw', '--attempt', '1'])
    const frames = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string })
    expect(frames.map(({ type }) => type)).toEqual(['message', 'odd', 'usage', 'result'])
    const json = await world.belay(['logs', 'T001', '--raw', '--json', '--role', 'reviewer'])
    expect(
      json.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toEqual([
      expect.objectContaining({
        role: 'reviewer',
        attempt: 2,
        session: expect.stringMatching(/^s-/),
        frame: expect.stringContaining('Reading the diff'),
      }),
      expect.objectContaining({ role: 'reviewer', attempt: 2, frame: expect.stringContaining('rework') }),
      expect.objectContaining({ role: 'reviewer', attempt: 3, frame: expect.stringContaining('pass') }),
    ])
  })

  it('says when there is nothing', async () => {
    const { code, stdout, stderr } = await world.belay(['logs', 'T003'])
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toContain('nothing was said yet')
  })

  it('--follow goes on while the task does, and ends with it', async () => {
    const slow = new World({
      implementer: {
        '*': [
          {
            lines: [{ type: 'message', text: 'beginning' }],
            sh: 'until test -e "$HOME/go"; do sleep 0.05; done',
            files: { 'a.txt': 'a\n' },
          },
        ],
      },
      reviewer: { '*': [{ lines: [{ type: 'message', text: 'judging' }] }] },
    })
    try {
      slow.config().commit()
      const work = slow.belay(['run', 'Say hello'])
      const follow = async (...args: string[]): Promise<string> => {
        for (;;) {
          const { code, stdout } = await slow.belay(['logs', 'prompt', '--follow', ...args])
          if (code === 0) return stdout
        }
      }
      const both = Promise.all([follow(), follow('--raw')])
      slow.files({ '../user/go': '' })
      const [text, raw] = await both
      expect(text).toMatch(/implementer.*\nbeginning\n\n--- .*reviewer.*\njudging\n$/)
      expect(raw.trimEnd().split('\n')).toHaveLength(4)
      expect((await work).code).toBe(0)
    } finally {
      slow.dispose()
    }
  })
})

it('belay events --type shows a type that the record has, and this version does not know', async () => {
  const { run = null, project = null } = all[0] ?? {}
  const record = RecordStore.open(world.home)
  await record.write((tx) => appendEvents(tx, new Date().toISOString(), [{ type: 'later.thing', project, run }]))
  await record.close()
  expect((await events('--type', 'later.*')).map(({ type }) => type)).toEqual(['later.thing'])
})
