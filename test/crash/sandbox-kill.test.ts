import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Docker from 'dockerode'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBackend, sweepSandboxes } from '../../src/sandbox/index.ts'
import { startTestDocker } from '../../src/sandbox/testing/docker.ts'
import { cannotRun } from '../../src/sandbox/testing/harness.ts'
import { TEST_IMAGE } from '../../src/sandbox/testing/image.ts'
import { World } from '../support/world.ts'

/**
 * A Belay that is killed at each point of a sandbox's life: the next start or `belay clean` removes everything that is left.
 */
const HOLDER = fileURLToPath(new URL('../../src/sandbox/testing/holder.ts', import.meta.url))

const noDocker = await startTestDocker()
const daemon = process.env['DOCKER_HOST'] ?? ''
const noOs = (await findBackend('os').probe())?.message ?? null

let world: World
let workspace: string
const mine = process.env['BELAY_HOME']
beforeEach(() => {
  world = new World()
  workspace = join(world.dir, 'plain')
  mkdirSync(workspace)
  world.config().commit()
  process.env['BELAY_HOME'] = world.home
})
afterEach(() => {
  if (mine === undefined) delete process.env['BELAY_HOME']
  else process.env['BELAY_HOME'] = mine
  world.dispose()
})

/** Starts a Belay with a sandbox over the workspace; `env` is added to its environment. */
function hold(request: object, env: Record<string, string>): { pid: number; gone: Promise<unknown> } {
  const argument = JSON.stringify({
    workspace,
    mark: `kill/${world.dir}`,
    script: 'echo up > up; sleep 60',
    ...request,
  })
  const options = { env: { ...world.env, ...env }, stdio: 'ignore' } as const
  const child = spawn(process.execPath, [HOLDER, argument], options)
  return { pid: child.pid as number, gone: once(child, 'exit') }
}

/** Containers of this pid, whatever their state. */
async function containersOf(pid: number): Promise<number> {
  const filters = { label: [`belay.pid=${pid}`] }
  return (await new Docker({ socketPath: daemon.replace('unix://', '') }).listContainers({ all: true, filters })).length
}

/** What a Belay leaves in folders: of the workspace all, of the others what names its pid. */
function leftOf(pid: number): string[] {
  const held = join(world.home, 'held')
  const notes = existsSync(held) ? readdirSync(held) : []
  const temporary = readdirSync(tmpdir()).filter((name) => name.startsWith(`belay-os-${pid}-`))
  return [...readdirSync(workspace).filter((name) => name !== 'up'), ...notes, ...temporary]
}

/**
 * A way to the daemon that kills who uses it: at the first request that matches, before the daemon gets it or when it has
 * answered.
 */
async function killingSocket(request: RegExp, when: 'before' | 'after', kill: () => void): Promise<Server> {
  const server = createServer((client) => {
    const real: Socket = connect(daemon.replace('unix://', ''))
    const end = (): void => {
      client.destroy()
      real.destroy()
    }
    for (const socket of [client, real]) socket.on('error', end).on('close', end)
    let armed = false
    client.on('data', (chunk: Buffer) => {
      armed ||= request.test(chunk.toString('latin1').split('\r\n', 1)[0] ?? '')
      if (armed && when === 'before') kill()
      else real.write(chunk)
    })
    real.on('data', (chunk: Buffer) => {
      if (armed) kill()
      else client.write(chunk)
    })
  })
  server.listen(join(world.dir, 'killing.sock'))
  await once(server, 'listening')
  return server
}

if (noDocker !== null) cannotRun('docker, killed at every point', noDocker)
else {
  describe('docker', () => {
    it.each<[string, RegExp, 'before' | 'after']>([
      ['a container is made', /^POST .*\/containers\/create/, 'before'],
      ['a container was made', /^POST .*\/containers\/create/, 'after'],
      ['it is attached to', /^POST .*\/attach/, 'before'],
      ['it is started', /^POST .*\/containers\/\w+\/start/, 'before'],
      ['it was started', /^POST .*\/containers\/\w+\/start/, 'after'],
      ['a program is made', /^POST .*\/containers\/\w+\/exec/, 'after'],
      ['a program is started', /^POST .*\/exec\/\w+\/start/, 'before'],
      ['a program was started', /^POST .*\/exec\/\w+\/start/, 'after'],
      ['a program is looked at', /^GET .*\/exec\/\w+\/json/, 'after'],
      ['it is removed', /^DELETE .*\/containers\//, 'before'],
      ['it was removed', /^DELETE .*\/containers\//, 'after'],
    ])('killed when %s', async (_, request, when) => {
      let kill = (): void => {}
      const killed = new Promise<void>((resolve) => (kill = resolve))
      const server = await killingSocket(request, when, () => kill())
      try {
        const script = /DELETE/.test(request.source) ? 'echo up > up' : 'echo up > up; sleep 60'
        const env = { DOCKER_HOST: `unix://${join(world.dir, 'killing.sock')}` }
        const { pid, gone } = hold({ backend: 'docker', image: TEST_IMAGE, script, close: true }, env)
        await killed
        process.kill(pid, 'SIGKILL')
        await gone
        await sweepSandboxes()
        // One that ends by itself is being removed at that moment.
        await expect.poll(() => containersOf(pid), { timeout: 20_000 }).toBe(0)
        expect(leftOf(pid)).toEqual([])
      } finally {
        server.close()
      }
    })

    it('belay clean takes away what was left, and says so', async () => {
      let kill = (): void => {}
      const killed = new Promise<void>((resolve) => (kill = resolve))
      const server = await killingSocket(/^POST .*\/containers\/create/, 'after', () => kill())
      const env = { DOCKER_HOST: `unix://${join(world.dir, 'killing.sock')}` }
      const { pid, gone } = hold({ backend: 'docker', image: TEST_IMAGE }, env)
      await killed
      process.kill(pid, 'SIGKILL')
      await gone
      server.close()
      expect([await containersOf(pid), leftOf(pid).includes('.git')]).toEqual([1, true])
      const dry = await world.belay(['clean', '--dry-run'], { env: { DOCKER_HOST: daemon } })
      expect([dry.stdout, await containersOf(pid)]).toEqual(['Nothing to clean.\n', 1])
      const { code, stdout } = await world.belay(['clean'], { env: { DOCKER_HOST: daemon } })
      expect([code, stdout]).toEqual([0, expect.stringMatching(/removed \d+ containers? of a Belay that was killed\n/)])
      expect([await containersOf(pid), leftOf(pid)]).toEqual([0, []])
    })
  })
}

if (noOs !== null) cannotRun('os, killed', noOs)
else {
  describe('os', () => {
    it.each([{}, { network: { mode: 'hosts', hosts: ['a.example'] } }])(
      'killed while a program runs (%j)',
      async (more) => {
        const { pid, gone } = hold({ backend: 'os', ...more }, {})
        await expect.poll(() => existsSync(join(workspace, 'up')), { timeout: 30_000 }).toBe(true)
        expect(leftOf(pid)).toContain('.git')
        process.kill(pid, 'SIGKILL')
        await gone
        rmSync(join(workspace, 'up'))
        const { code, stdout } = await world.belay(['clean'], { env: { DOCKER_HOST: 'unix:///nowhere' } })
        expect([code, stdout]).toEqual([0, 'Nothing to clean.\n'])
        expect(leftOf(pid)).toEqual([])
      },
    )

    it('killed again and again at any moment: the next sandbox leaves nothing', async () => {
      for (const after of [5, 40, 80, 120, 160, 200, 240, 280]) {
        const { pid, gone } = hold({ backend: 'os' }, {})
        // Whatever the moment is, it must hold.
        await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, after))])
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It was quicker.
        }
        await gone
        await sweepSandboxes()
        expect(leftOf(pid)).toEqual([])
      }
    })
  })
}
