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
import { startTestDocker } from '../../src/sandbox/testing/docker.ts'
import { TEST_IMAGE } from '../../src/sandbox/testing/image.ts'
import { PATH, cannotRun } from '../../src/sandbox/testing/harness.ts'
import type { Attempt } from './attempt.ts'
import { Machine } from './machine.ts'

const UNLIMITED = { cpus: null, memoryBytes: null, pids: null, diskBytes: null }

const confined: readonly [BackendName, string | null, Partial<SandboxRequest>][] = [
  ['os', (await findBackend('os').probe())?.message ?? null, {}],
  ['docker', await startTestDocker(), { image: TEST_IMAGE }],
]

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
  afterAll(() => expect(homedir()).toBe(mine))

  async function tried(attempt: Attempt, backend: BackendName, more: Partial<SandboxRequest>): Promise<boolean> {
    const workspace = attempt.workspace === undefined ? machine.workspace : join(machine.dir, attempt.workspace)
    mkdirSync(workspace, { recursive: true })
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
      if (attempt.root && process.geteuid?.() !== 0) {
        process.stderr.write(`skipped: escape ${attempt.name}: only root can do it at all\n`)
        it.skip('only root can do it at all', () => {})
        return
      }
      it('gets out where nothing confines it', async () => {
        expect(await tried(attempt, 'host', {})).toBe(true)
      })
      for (const [backend, why, more] of confined) {
        if (why !== null) cannotRun(`stays in ${backend}`, why)
        else {
          it(`stays in ${backend}`, async () => {
            expect(await tried(attempt, backend, more)).toBe(false)
          })
        }
      }
    })
  })
}
