import { expect, it } from 'vitest'
import { openSandbox, policyOf } from '../index.ts'
import { startTestDocker } from '../testing/docker.ts'
import { TEST_IMAGE } from '../testing/image.ts'
import { cannotRun } from '../testing/harness.ts'
import { containerRequest } from './container.ts'

const asked = (more: Partial<Parameters<typeof policyOf>[1]> = {}) =>
  containerRequest({
    id: 'abc',
    policy: policyOf('docker', { access: 'full', workspace: '/w', ...more }),
    image: 'image:1',
    user: '1000:1000',
    mounts: [],
    podman: false,
    userns: null,
  })

it('asks for the same confinement whatever the policy says', () => {
  for (const access of ['read-only', 'workspace-write', 'full'] as const) {
    expect(asked({ access })).toMatchObject({
      Image: 'image:1',
      User: '1000:1000',
      StdinOnce: true,
      HostConfig: {
        AutoRemove: true,
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        NetworkMode: 'none',
        PidsLimit: 4096,
      },
    })
  }
})

it('asks for the limits and the runtime of the policy', () => {
  const resources = { cpus: 1.5, memoryBytes: 1 << 30, pids: 50, diskBytes: null }
  expect(asked({ resources, runtime: 'runsc' }).HostConfig).toMatchObject({
    NanoCpus: 1_500_000_000,
    Memory: 1 << 30,
    MemorySwap: 1 << 30,
    PidsLimit: 50,
    Runtime: 'runsc',
  })
})

const why = await startTestDocker()
if (why !== null) cannotRun('docker refuses', why)
else {
  const { signal } = new AbortController()
  it.each([
    [{ image: 'no-such-image:1' }, 'sandbox_unavailable', 'no-such-image:1'],
    [{ image: TEST_IMAGE, runtime: 'no-such-runtime' }, 'sandbox_unavailable', 'no-such-runtime'],
    [{ image: TEST_IMAGE, network: { mode: 'full' } as const }, 'sandbox_unenforceable', 'network "full"'],
    [{ image: TEST_IMAGE, network: { mode: 'hosts', hosts: ['a.b'] } as const }, 'sandbox_unenforceable', 'hosts'],
    [{ image: TEST_IMAGE, write: ['/usr'] }, 'sandbox_unenforceable', 'image'],
  ])('refuses %j', async (more, code, said) => {
    const request = { access: 'workspace-write', workspace: process.cwd(), ...more } as const
    await expect(openSandbox('docker', request, signal)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(said) as string,
    })
  })
}
