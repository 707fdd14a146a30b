import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSandbox, type SandboxRequest } from './index.ts'

let workspace = ''
beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'belay-open-'))
})
afterAll(() => rm(workspace, { recursive: true, force: true }))

const { signal } = new AbortController()
const none = { cpus: null, memoryBytes: null, pids: null, diskBytes: null }

describe('openSandbox', () => {
  it.each(['firecracker', 'wasm', 'gvisor', 'Host', ''])('refuses %j and names what there is', async (name) => {
    await expect(openSandbox(name, { access: 'full', workspace }, signal)).rejects.toMatchObject({
      code: 'sandbox_unknown',
      expected: 'host, os, docker, e2b or auto',
      received: name,
    })
  })

  it('runs programs on the host', async () => {
    const { sandbox, warning } = await openSandbox('host', { access: 'workspace-write', workspace }, signal)
    expect([sandbox.confined, warning, sandbox.toInside(workspace)]).toEqual([false, null, workspace])
    const kept = await sandbox.spawn({ argv: ['/bin/pwd'], cwd: workspace, env: {}, stdin: 'none', mark: 'test/open' })
    kept.stderr.resume()
    expect(await text(kept.stdout)).toBe(`${workspace}\n`)
    await sandbox.close()
    await expect(
      sandbox.spawn({ argv: ['/bin/pwd'], cwd: workspace, env: {}, stdin: 'none', mark: 'test/open' }),
    ).rejects.toThrow('closed')
  })

  const asked: [string, Partial<SandboxRequest>][] = [
    ['no network', { network: { mode: 'none' } }],
    ['a list of hosts', { network: { mode: 'hosts', hosts: ['example.org'] } }],
    ['cores', { resources: { ...none, cpus: 1 } }],
    ['memory', { resources: { ...none, memoryBytes: 1 << 20 } }],
    ['processes', { resources: { ...none, pids: 5 } }],
    ['disk', { resources: { ...none, diskBytes: 1 << 20 } }],
    ['hidden files', { denyRead: ['/etc'] }],
    ['an image', { image: 'busybox' }],
    ['a runtime', { runtime: 'runsc' }],
  ]
  it.each(asked)('the host refuses a policy it cannot keep: %s', async (_, more) => {
    await expect(openSandbox('host', { access: 'full', workspace, ...more }, signal)).rejects.toMatchObject({
      code: 'sandbox_unenforceable',
    })
  })

  it('refuses relative paths and a workspace that is not there', async () => {
    for (const more of [{ workspace: 'here' }, { write: ['x'] }, { read: ['/a\0/b'] }, { denyRead: ['~/x'] }]) {
      await expect(openSandbox('host', { access: 'full', workspace, ...more }, signal)).rejects.toMatchObject({
        code: 'sandbox_policy',
      })
    }
    await expect(
      openSandbox('host', { access: 'full', workspace: join(workspace, 'gone') }, signal),
    ).rejects.toMatchObject({ code: 'sandbox_failed' })
  })
})
