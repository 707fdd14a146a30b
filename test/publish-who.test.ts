/** Authentication for publishing (TLS, credentials), and what is published besides runs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { credsAuthenticator } from '@nats-io/transport-node'
import { afterEach, describe, expect, it } from 'vitest'
import { accounts, certificates } from './support/nats-security.ts'
import type { Received } from './support/nats.ts'
import { listening, received, runFinished, stopListening, subscriber } from './support/published.ts'
import { BatchWorld } from './support/batch-world.ts'
import { WorkflowWorld } from './support/workflow-world.ts'
import { World, collect, type Scenario } from './support/world.ts'

let world: World
afterEach(async () => {
  await stopListening()
  world.dispose()
})

const SAY: Scenario = { implementer: { exec: [{ lines: [{ type: 'message', text: 'hello' }] }] }, byCall: true }

function start(url: string, scenario: Scenario = SAY): World {
  world.script(scenario)
  return world.config(`publish: {nats: {url: "${url}", flush: 400ms}}\n`)
}

function exec(...flags: readonly string[]) {
  return world.belay(['exec', 'question', '--session', 's', '--sandbox', 'host', ...flags])
}

function ended(all: readonly Received[]): boolean {
  return all.some(({ event }) => event.type === 'turn.finished')
}

describe('publish.nats: who may', () => {
  it('user and password', async () => {
    world = new World()
    const { url } = await listening(['--user', 'belay', '--pass', 'a-password'], { user: 'belay', pass: 'a-password' })
    start(url)
    Object.assign(world.env, { BELAY_NATS_USER: 'belay', BELAY_NATS_PASSWORD: 'a-password' })
    expect(await exec()).toMatchObject({ code: 0, stderr: expect.not.stringContaining('not published') })
    await subscriber().until(ended)
    world.env['BELAY_NATS_PASSWORD'] = 'another'
    const refused = await exec()
    expect(refused).toMatchObject({ code: 0, stderr: expect.stringMatching(/not published to .*Authorization/i) })
    expect(refused.stderr).not.toContain('another')
  })

  it('a .creds file: signed by an account of the operator, or refused', async () => {
    world = new World()
    const { config, creds, foreign } = accounts(world.dir)
    const { url } = await listening(['-c', config], { authenticator: credsAuthenticator(readFileSync(creds)) })
    start(url)
    world.env['BELAY_NATS_CREDS'] = creds
    expect(await exec()).toMatchObject({ code: 0, stderr: expect.not.stringContaining('not published') })
    await subscriber().until(ended)
    world.env['BELAY_NATS_CREDS'] = foreign
    expect((await exec()).stderr).toMatch(/not published to .*Authorization/i)
    world.env['BELAY_NATS_CREDS'] = join(world.dir, 'nothing.creds')
    expect((await exec()).stderr).toMatch(/not published to .*nothing\.creds/)
  })

  it('TLS: a server whose certificate is trusted, with a certificate of its own where it wants one', async () => {
    world = new World()
    const { ca, cert, key, clientCert, clientKey } = certificates(world.dir)
    const tls = { caFile: ca, certFile: clientCert, keyFile: clientKey }
    const { port } = await listening(['--tls', '--tlscert', cert, '--tlskey', key, '--tlsverify', '--tlscacert', ca], {
      tls,
    })
    start(`tls://127.0.0.1:${port}`)
    Object.assign(world.env, { BELAY_NATS_CA: ca, BELAY_NATS_CERT: clientCert, BELAY_NATS_KEY: clientKey })
    world.script({ implementer: { exec: [{ sh: 'env > "$HOME/environment"' }] }, byCall: true })
    expect(await exec()).toMatchObject({ code: 0, stderr: expect.not.stringContaining('not published') })
    await subscriber().until(ended)
    expect(readFileSync(join(world.dir, 'user', 'environment'), 'utf8')).not.toContain('BELAY_NATS')
    delete world.env['BELAY_NATS_CERT']
    delete world.env['BELAY_NATS_KEY']
    expect((await exec()).stderr).toMatch(/are not published to tls:/)
    delete world.env['BELAY_NATS_CA']
    expect((await exec()).stderr).toMatch(/are not published to tls:\S+ \(.*certificate/)
  })

  it('TLS: a tls:// server without it is told nothing, no credentials either', async () => {
    world = new World()
    const { port } = await listening(['--auth', 'the-token'], { token: 'the-token' })
    start(`tls://127.0.0.1:${port}`)
    world.env['BELAY_NATS_TOKEN'] = 'the-token'
    expect((await exec()).stderr).toMatch(/not published to tls:\S+ \(.*does not support 'tls'/)
    expect(received()).toEqual([])
  })
})

describe('publish.nats: exec and chat', () => {
  it('publishes the turns of a session once, over several processes, with whose they are', async () => {
    world = new World()
    const { url } = await listening([])
    start(url)
    expect((await exec()).code).toBe(0)
    const chat = await world.belay(['chat', '--session', 's', '--sandbox', 'host'], { input: 'and now?\n' })
    expect(chat.code, chat.stderr).toBe(0)
    await subscriber().until((all) => all.filter(({ event }) => event.type === 'turn.finished').length === 2)
    const all = received()
    expect(all.map(({ event }) => event.type)).toEqual([
      'turn.started',
      'item.message',
      'turn.finished',
      'turn.started',
      'item.message',
      'turn.finished',
    ])
    expect(all.map(({ event }) => event.run_seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(new Set(all.map(({ id }) => id)).size).toBe(6)
    expect(new Set(all.map(({ subject }) => subject))).toEqual(new Set(['belay.session.s.stream']))
    for (const { event } of all) {
      expect(event).toMatchObject({
        session_id: 's',
        agent_id: 'command',
        agent_name: 'command',
        run_id: null,
        workflow_run_id: null,
        project_id: null,
        task: null,
        host: expect.any(String),
      })
    }
    expect(all[2]?.event).toMatchObject({ data: { turn: 1, status: 'done', text: 'hello', usage: expect.any(Object) } })
    expect(all[3]?.event).toMatchObject({ actor: 'user', data: { turn: 2, prompt: 'and now?' } })
  })

  it('an outage costs nothing but a warning; the next turn brings what was missed', async () => {
    world = new World()
    const nats = await listening([])
    await nats.stop()
    start(nats.url)
    const { code, stdout, stderr } = await exec()
    expect([code, stdout]).toEqual([0, 'hello\n'])
    expect(stderr).toMatch(/warning: events are not published to nats:\S+ \(.*session s goes on/)
    expect(stderr).toMatch(/warning: 3 events of session s were not published/)
    await nats.start()
    expect((await exec()).code).toBe(0)
    await subscriber().until((all) => all.filter(({ event }) => event.type === 'turn.finished').length === 2)
    expect(received().map(({ event }) => event.run_seq)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('session_subject says where; another session of the same name is another one', async () => {
    world = new World()
    const { url } = await listening([])
    world.script(SAY)
    world.config(`publish: {nats: {url: "${url}", session_subject: "acme.{session}.{type}"}}\n`)
    await exec()
    expect((await world.belay(['session', 'delete', 's'])).code).toBe(0)
    await exec()
    await subscriber().until((all) => all.filter(({ event }) => event.type === 'turn.finished').length === 2)
    expect(received().map(({ event }) => event.run_seq)).toEqual([1, 2, 3, 1, 2, 3])
    expect(new Set(received().map(({ id }) => id)).size).toBe(6)
    expect(received().map(({ subject }) => subject)).toContain('acme.s.turn.finished')
  })
})

describe('publish.nats: batches and workflows', () => {
  it('are published as runs are', async () => {
    const batch = new BatchWorld()
    world = batch
    const { url } = await listening([])
    world.config(`publish: {nats: {url: "${url}"}}\n`).files({ 'a.md': 'A\n' }).commit()
    batch.batch({ glob: 'a.md' })
    const { code, stderr } = await batch.run()
    expect(code, stderr).toBe(0)
    await finished()
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    const item = received().find(({ event }) => event.session_id !== null)
    expect(item?.event).toMatchObject({
      run_id: run.id,
      workflow_run_id: null,
      task: 'a.md',
      agent_id: 'command',
      agent_name: 'batch',
    })
  })

  it.each(['repository', 'directory'])(
    'a workflow in a %s: with the run as that of the workflow',
    async (workspace) => {
      const flow = new WorkflowWorld()
      world = flow
      const { url } = await listening([])
      world.config(`publish: {nats: {url: "${url}"}}\n`).commit()
      flow.flow([{ id: 'one', type: 'agent', prompt: 'Do it.' }], { workspace })
      const { code, stderr } = await flow.run()
      expect(code, stderr).toBe(0)
      await finished()
      const { run } = await world.json<{ run: { id: string } }>(['status'])
      const item = received().find(({ event }) => event.session_id !== null)
      expect(item?.event).toMatchObject({
        run_id: run.id,
        workflow_run_id: run.id,
        task: 'one',
        agent_id: 'command',
        agent_name: 'step',
      })
    },
  )

  it('a workflow that was killed (kill -9) goes on from the last event that was published', async () => {
    const flow = new WorkflowWorld({ two: [{ hang: true }] })
    world = flow
    const { url } = await listening([])
    world.config(`publish: {nats: {url: "${url}"}}\n`).commit()
    flow.flow(['one', 'two'].map((id) => ({ id, type: 'agent', prompt: 'Do it.' })))
    const child = world.start(['workflow', 'run', flow.file])
    const gone = collect(child)
    await subscriber().until((found) =>
      found.some(({ event }) => event['task'] === 'two' && event.type === 'item.message'),
    )
    child.kill('SIGKILL')
    await gone
    flow.turns({})
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    await runFinished()
    const { stdout } = await world.belay(['events', '--json'])
    const recorded = stdout.trimEnd().split('\n')
    const seqs = new Map(received().map(({ id, event }) => [event.seq, id]))
    expect(seqs.size).toBe(recorded.length)
    expect(new Set(seqs.values()).size).toBe(recorded.length)
  })
})

/** The run is over, and no event is missing or there twice. */
async function finished(): Promise<void> {
  await runFinished()
  expect(received().map(({ event }) => event.run_seq)).toEqual(received().map((_, i) => i + 1))
}
