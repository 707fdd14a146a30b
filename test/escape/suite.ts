import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BelayError } from '../../src/core/errors.ts'
import { endMarked, type KeptProcess } from '../../src/process/index.ts'
import {
  findBackend,
  openSandbox,
  type BackendName,
  type Sandbox,
  type SandboxRequest,
} from '../../src/sandbox/index.ts'
import { noGvisor, startTestDocker } from '../../src/sandbox/testing/docker.ts'
import { TEST_IMAGE } from '../../src/sandbox/testing/image.ts'
import { PATH, cannotRun } from '../../src/sandbox/testing/harness.ts'
import { startTestPodman } from '../../src/sandbox/testing/podman.ts'
import type { Attempt, Confinement } from './attempt.ts'
import { Machine } from './machine.ts'

const UNLIMITED = { cpus: null, memoryBytes: null, pids: null, diskBytes: null }

/** What confines the attempts, and how it is requested. */
interface Confined {
  readonly name: Confinement
  readonly backend: BackendName
  /** Why it cannot run here, or null. */
  readonly why: string | null
  readonly more: Partial<SandboxRequest>
  readonly daemon?: string | undefined
}

/** gVisor and podman take as long as all others together: in CI, and when they are asked for. */
const all = (process.env['BELAY_ESCAPE'] ?? (process.env['CI'] === 'true' ? 'all' : 'own')) === 'all'
const left = 'left out, BELAY_ESCAPE=all tries it'

const noDocker = await startTestDocker()
const docker = process.env['DOCKER_HOST']
const podman = all ? await startTestPodman() : { why: left, end: () => Promise.resolve() }
const image = TEST_IMAGE

const confined: readonly Confined[] = [
  { name: 'os', backend: 'os', why: (await findBackend('os').probe())?.message ?? null, more: {} },
  { name: 'docker', backend: 'docker', why: noDocker, more: { image }, daemon: docker },
  {
    name: 'gVisor',
    backend: 'docker',
    why: all ? (noGvisor() ?? noDocker) : left,
    more: { image, runtime: 'runsc' },
    daemon: docker,
  },
  { name: 'podman', backend: 'docker', why: podman.why, more: { image }, daemon: process.env['DOCKER_HOST'] },
]
const unconfined: Confined = { name: 'host', backend: 'host', why: null, more: {} }

if (!all) process.stderr.write(`skipped: escape in gVisor and by podman: ${left}\n`)

/** Every attempt gets out where nothing confines it, and in no sandbox. */
export function describeEscapes(family: string, attempts: readonly Attempt[]): void {
  const mine = process.env['HOME']
  let machine: Machine
  beforeEach(() => {
    machine = new Machine()
    // This is the user that the sandboxes are to protect.
    process.env['HOME'] = machine.home
    process.env['BELAY_HOME'] = machine.state
  })
  afterEach(() => {
    process.env['HOME'] = mine
    delete process.env['BELAY_HOME']
    machine.end()
  })
  afterAll(async () => {
    expect(homedir()).toBe(mine)
    await podman.end()
  })

  async function tried(attempt: Attempt, { backend, more, daemon }: Confined): Promise<boolean> {
    if (daemon !== undefined) process.env['DOCKER_HOST'] = daemon
    const workspace = attempt.workspace === undefined ? machine.workspace : join(machine.dir, attempt.workspace)
    mkdirSync(workspace, { recursive: true })
    if (backend !== 'host') machine.patienceMs = 3000
    await attempt.prepare?.(machine)
    const limits = attempt.limits && backend !== 'host' ? { resources: { ...UNLIMITED, ...attempt.limits } } : {}
    const own = attempt.own === undefined ? [] : [join(machine.dir, attempt.own)]
    const at = (paths: readonly string[] = []): string[] => paths.map((path) => join(machine.dir, path))
    // The host keeps to no list.
    const shown = backend === 'host' ? {} : { write: at(attempt.write), read: at(attempt.read) }
    const request = { access: 'workspace-write', workspace, own, ...shown, ...more, ...limits } as const
    const mark = `escape/${machine.id}`
    const env = { PATH, HOME: machine.home, LANG: 'C' }
    let sandbox: Sandbox | null = null
    const start = async (script: string): Promise<KeptProcess> =>
      (sandbox as Sandbox).spawn({ argv: ['/bin/sh', '-c', script], cwd: workspace, env, stdin: 'none', mark })
    try {
      sandbox = (await openSandbox(backend, request, new AbortController().signal)).sandbox
      if (attempt.first) {
        const before = await start(attempt.first(machine))
        await Promise.all([text(before.stdout), text(before.stderr), before.closed])
      }
      const kept = await start(attempt.script(machine))
      const beside = attempt.during?.(machine)
      const [out, err] = await Promise.all([text(kept.stdout), text(kept.stderr), kept.closed])
      // It must fail by what it does, not for want of a program.
      expect(err).not.toMatch(/: not found|command not found|Can't locate|applet not found/)
      if (beside) return await beside
      return await (attempt.escaped?.(machine, out) ?? out.includes(machine.token))
    } catch (error) {
      if (attempt.refused && error instanceof BelayError && error.code === 'sandbox_unenforceable') return false
      throw error
    } finally {
      await sandbox?.close()
      await endMarked(mark)
    }
  }

  describe(`escape: ${family}`, () => {
    describe.each(attempts)('$name', (attempt) => {
      const why =
        attempt.root && process.geteuid?.() !== 0 ? 'only root can do it at all' : (attempt.missing?.() ?? null)
      if (why !== null) {
        process.stderr.write(`skipped: escape ${attempt.name}: ${why}\n`)
        it.skip(why, () => {})
        return
      }
      it('gets out where nothing confines it', async () => {
        expect(await tried(attempt, unconfined)).toBe(true)
      })
      for (const one of confined) {
        const unsure = attempt.unsure?.[one.name]
        if (one.why === left) it.skip(`stays in ${one.name} (${left})`, () => {})
        else if (one.why !== null) cannotRun(`stays in ${one.name}`, one.why)
        else if (unsure !== undefined) {
          process.stderr.write(`skipped: escape ${attempt.name} in ${one.name}: ${unsure}\n`)
          it.skip(`stays in ${one.name} (${unsure})`, () => {})
        } else {
          it(`stays in ${one.name}`, async () => {
            expect(await tried(attempt, one)).toBe(false)
          })
        }
      }
    })
  })
}
