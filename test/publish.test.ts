import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { NatsServer } from './support/nats.ts'
import { listening, received, recorded, runFinished, stopListening, subscriber } from './support/published.ts'
import { World, collect, type Scenario } from './support/world.ts'

let world: World
afterEach(async () => {
  await stopListening()
  world.dispose()
})

const ONE: Scenario = { implementer: { T001: [{ files: { 'one.txt': '1\n' } }] } }

/** An agent that says it is there and waits until it may go on. */
function waiting(folder: string): string {
  return `touch ${folder}/there; while [ ! -e ${folder}/go ]; do sleep 0.05; done`
}

async function start(scenario: Scenario, publish: string): Promise<World> {
  world = new World(scenario)
  return world.config(`publish: {nats: ${publish}}\n`).feature('001-a', ['- [ ] T001 Write one']).commit()
}

/** Ends with the test's own time limit. */
async function until(found: () => boolean): Promise<void> {
  while (!found()) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function exists(file: string): Promise<void> {
  await until(() => existsSync(file))
}

describe('publish.nats', () => {
  it('publishes every event of a run once, in order, with whose it is', async () => {
    const { url } = await listening()
    await start(ONE, `{url: "${url}"}`)
    const run = await world.belay(['run'])
    expect(run).toMatchObject({ code: 0 })
    await runFinished()
    const lines = await recorded(world)
    expect(received().map(({ event }) => event.seq)).toEqual(lines.map(({ seq }) => seq))
    expect(received().map(({ event }) => event.run_seq)).toEqual(lines.map((_, i) => i + 1))
    const { run: row } = await world.json<{ run: { id: string } }>(['status'])
    const message = received().find(({ event }) => event.session_id !== null && event.agent_name === 'implementer')
    expect(message).toMatchObject({
      id: `${row.id}/${message?.event.seq}`,
      event: {
        version: 1,
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        host: expect.any(String),
        project_id: expect.stringMatching(/^[0-9a-f]{16}$/),
        run_id: row.id,
        workflow_run_id: null,
        task: 'T001',
        agent_id: 'command',
        data: expect.any(Object),
      },
    })
    expect(message?.subject).toBe(`belay.${String(message?.event['project_id'])}.run.${row.id}.stream`)
    expect(
      received().every(
        ({ event }) => event['session_id'] === (lines.find(({ seq }) => seq === event.seq)?.session ?? null),
      ),
    ).toBe(true)
  })

  it('fills in the subject, cuts what is too big, and redacts secrets', async () => {
    const { url } = await listening()
    const token = `ghp_${'a1'.repeat(18)}`
    const said = `my key is ${token} and house-secret-value, ${'long '.repeat(4000)}`
    await start(
      { implementer: { T001: [{ files: { 'one.txt': '1\n' }, lines: [{ type: 'message', text: said }] }] } },
      `{url: "${url}", subject: "acme.{type}.{task}", max_payload: 2048}`,
    )
    world.env['ACME_API_KEY'] = 'house-secret-value'
    expect((await world.belay(['run'])).code).toBe(0)
    await runFinished()
    expect(Math.max(...received().map(({ size }) => size))).toBeLessThanOrEqual(2048)
    const all = JSON.stringify(received())
    expect(all).not.toContain(token)
    expect(all).not.toContain('house-secret-value')
    expect(all).toContain('my key is [redacted]')
    const subjects = received().map(({ subject }) => subject)
    expect(subjects).toContain('acme.run.finished.-')
    expect(subjects).toContain('acme.task.done.T001')
  })

  it('an outage in the middle is told once; what was missed follows, and a stream holds every event once', async () => {
    await start(ONE, '{}')
    const nats = await listening(['-js', '-sd', join(world.dir, 'jetstream')])
    await subscriber().ask('STREAM.CREATE.runs', {
      name: 'runs',
      subjects: ['belay.>'],
      storage: 'file',
      duplicate_window: 120_000_000_000,
    })
    world.config(`publish: {nats: {url: "${nats.url}"}}\n`).commit()
    world.script({ implementer: { T001: [{ sh: waiting(world.dir), files: { 'one.txt': '1\n' } }] } })
    const child = world.start(['run'])
    child.stdin?.end()
    const ended = collect(child)
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await exists(join(world.dir, 'there'))
    await subscriber().until((all) => all.some(({ event }) => event.type === 'attempt.started'))
    await nats.stop()
    writeFileSync(join(world.dir, 'go'), '')
    await until(() => said.includes('are not published'))
    await nats.start()
    const { code, stderr } = await ended
    expect(code).toBe(0)
    expect(stderr.match(/are not published/g)).toHaveLength(1)
    expect(stderr).toContain(`warning: events are not published to ${nats.url}`)
    expect(stderr).toContain(`warning: events are published to ${nats.url} again`)
    const lines = await recorded(world)
    const stored = await subscriber().stored('runs')
    expect(stored.map(({ seq }) => seq)).toEqual(lines.map(({ seq }) => seq))
    expect(stored.map(({ run_seq: seq }) => seq)).toEqual(lines.map((_, i) => i + 1))
  })

  it('a run neither fails nor waits long when there is no server at all', async () => {
    const gone = await new NatsServer().start()
    await gone.stop()
    await start(ONE, `{url: "${gone.url}", flush: 300ms}`)
    const { code, stderr } = await world.belay(['run'])
    expect(code).toBe(0)
    expect(stderr.match(/events are not published to/g)).toHaveLength(1)
    expect(stderr).toMatch(/\d+ events of run \S+ were not published/)
  })

  it('kill -9 in the middle: a resumed run goes on from the last event that was published', async () => {
    const { url } = await listening()
    await start(ONE, `{url: "${url}"}`)
    world.script({ implementer: { T001: [{ sh: waiting(world.dir), files: { 'one.txt': '1\n' } }] } })
    const child = world.start(['run'])
    child.stdin?.end()
    const ended = collect(child)
    await exists(join(world.dir, 'there'))
    await subscriber().until((all) => all.some(({ event }) => event.type === 'attempt.started'))
    child.kill('SIGKILL')
    await ended
    const before = received().length
    writeFileSync(join(world.dir, 'go'), '')
    expect((await world.belay(['resume'])).code).toBe(0)
    await runFinished()
    const seqs = new Set(received().map(({ event }) => event.seq))
    expect([...seqs].toSorted((a, b) => a - b)).toEqual((await recorded(world)).map(({ seq }) => seq))
    const again = received()
      .slice(before)
      .filter(({ event }) =>
        received()
          .slice(0, before)
          .some((one) => one.event.seq === event.seq),
      )
    for (const { id, event } of again) expect(received().find((one) => one.event.seq === event.seq)?.id).toBe(id)
    expect(again.length).toBeLessThan(before)
  })

  it('takes credentials from the environment, and agents do not get them', async () => {
    const token = 'nats-token-for-belay-only'
    const { url } = await listening(['--auth', token], { token })
    await start(
      { implementer: { T001: [{ sh: 'env > "$HOME/environment"', files: { 'one.txt': '1\n' } }] } },
      `{url: "${url}", flush: 300ms}`,
    )
    world.env['BELAY_NATS_TOKEN'] = token
    expect(await world.belay(['run'])).toMatchObject({ code: 0, stderr: expect.not.stringContaining('not published') })
    await runFinished()
    expect(readFileSync(join(world.dir, 'user', 'environment'), 'utf8')).not.toContain(token)
    delete world.env['BELAY_NATS_TOKEN']
    world.feature('002-b', ['- [ ] T001 Write more']).commit()
    const refused = await world.belay(['run', 'specs/002-b'])
    expect(refused.stderr).toMatch(/events are not published to nats:\/\/127\.0\.0\.1:\d+ \(.*Authorization/i)
  })

  it('refuses a URL with credentials and a subject that is none', async () => {
    await start(ONE, '{url: "nats://me:secret@h:4222", subject: "belay.{nobody}", max_payload: 10}')
    const { code, stdout } = await world.belay(['run', '--json'])
    expect(code).toBe(2)
    const { error } = JSON.parse(stdout) as { error: { message: string } }
    for (const key of ['publish.nats.url', 'publish.nats.subject', 'publish.nats.max_payload'])
      expect(error.message).toContain(key)
  })
})
