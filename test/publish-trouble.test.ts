/** The owner of a published event, key by key; a server that does not answer; what doctor reports about it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { listening, received, recorded, runFinished, stopListening, subscriber } from './support/published.ts'
import { WorkflowWorld, agent } from './support/workflow-world.ts'
import { collect } from './support/world.ts'

let world: WorkflowWorld
afterEach(async () => {
  await stopListening()
  world.dispose()
})

describe('whose a published event is', () => {
  it('stands in every message as the record has it', async () => {
    const usage = { input_tokens: 1, output_tokens: 1, cost_usd: 0.01 }
    world = new WorkflowWorld({ do: [{ error: { code: 'failed', message: 'no' } }, { usage }] })
    const { url } = await listening()
    world.config(`publish: {nats: {url: "${url}"}}\n`).commit()
    world.flow([
      {
        id: 'each',
        type: 'foreach',
        items: [1],
        states: [agent('do', { retry: { max_attempts: 2, backoff: '1ms' } })],
      },
    ])
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    await runFinished()
    const lines = await recorded(world)
    const events = received().map(({ event }) => event)
    expect(events.map(({ seq }) => seq)).toEqual(lines.map(({ seq }) => seq))
    expect(new Set(lines.map(({ type }) => type))).toContain('usage')
    for (const [i, line] of lines.entries()) {
      const { project, run, task, session, actor, data } = line
      const ofAgent = session !== null
      expect(events[i], line.type).toEqual({
        seq: line.seq,
        run_seq: i + 1,
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        type: line.type,
        version: 1,
        host: expect.stringMatching(/./),
        project_id: project,
        run_id: run,
        workflow_run_id: run,
        task,
        session_id: session,
        agent_id: ofAgent ? 'command' : null,
        agent_name: ofAgent ? 'step' : null,
        workspace: ofAgent ? expect.stringContaining(join(world.home, 'workspaces')) : null,
        attempt: data.attempt ?? null,
        actor,
        data: expect.any(Object),
      })
    }
    const attempts = events.filter(({ type }) => type.startsWith('session.')).map((one) => one['attempt'])
    expect(attempts).toEqual([1, 1, 2, 2])
  })
})

describe('a server that takes what it is sent and answers nothing', () => {
  it('holds up no run; what it did not confirm follows, and a stream holds every event once, in order', async () => {
    world = new WorkflowWorld({
      slow: [{ sh: 'touch "$AGENT_FOLDER/there"; until [ -e "$AGENT_FOLDER/go" ]; do sleep 0.05; done' }],
    })
    const nats = await listening(['-js', '-sd', join(world.dir, 'jetstream')])
    await subscriber().ask('STREAM.CREATE.runs', {
      name: 'runs',
      subjects: ['belay.>'],
      storage: 'file',
      duplicate_window: 120_000_000_000,
    })
    world.config(`publish: {nats: {url: "${nats.url}", flush: 1m}}\n`).commit()
    world.flow([agent('first'), agent('slow'), agent('last')])
    const child = world.start(['workflow', 'run', world.file])
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const ended = collect(child)
    await world.until(() => world.asked().includes('slow'))
    nats.signal('SIGSTOP')
    world.touch('go')
    // The run goes on to its end meanwhile.
    await world.until(async () => (await world.statuses())['last'] === 'done')
    await world.until(() => said.includes('are not published'))
    nats.signal('SIGCONT')
    const { code, stderr } = await ended
    expect(code, stderr).toBe(0)
    expect(stderr).toContain(`warning: events are published to ${nats.url} again`)
    expect(stderr).not.toMatch(/events of run \S+ were not published/)
    const lines = await recorded(world)
    const stored = await subscriber().stored('runs')
    expect(stored.map(({ seq }) => seq)).toEqual(lines.map(({ seq }) => seq))
    expect(stored.map(({ run_seq: seq }) => seq)).toEqual(lines.map((_, i) => i + 1))
  })
})

describe('belay doctor', () => {
  interface Check {
    readonly name: string
    readonly status: string
    readonly message: string
  }

  async function publish(): Promise<Check | undefined> {
    const { checks } = await world.json<{ checks: Check[] }>(['doctor'])
    return checks.find(({ name }) => name === 'publish')
  }

  it('says whether the server takes events, and why not', async () => {
    world = new WorkflowWorld()
    world.config()
    expect(await publish()).toBeUndefined()
    const token = 'only-for-belay-1234'
    const nats = await listening(['--auth', token], { token })
    world.config(`publish: {nats: {url: "${nats.url}"}}\n`)
    expect(await publish()).toMatchObject({ status: 'warn', message: expect.stringMatching(/authorization/i) })
    world.env['BELAY_NATS_TOKEN'] = token
    expect(await publish()).toEqual({ name: 'publish', status: 'ok', message: `${nats.url} takes events`, next: null })
    expect((await world.belay(['doctor'])).stdout).toMatch(/^ok +publish +nats:.* takes events$/m)
    world.env['BELAY_NATS_CREDS'] = join(world.dir, 'nowhere.creds')
    expect(await publish()).toMatchObject({ status: 'warn', message: expect.stringContaining('nowhere.creds') })
    writeFileSync(join(world.dir, 'nowhere.creds'), 'no such thing')
    expect(await publish()).toMatchObject({ status: 'warn' })
    delete world.env['BELAY_NATS_CREDS']
    await stopListening()
    await nats.stop()
    const gone = await publish()
    expect(gone).toMatchObject({ status: 'warn', message: expect.stringContaining('runs go on without') })
    expect(JSON.stringify(gone)).not.toContain(token)
  })
})
