import { expect, it } from 'vitest'
import { openSandbox } from '../index.ts'
import { describeSandboxConformance } from '../testing/conformance.ts'
import { noGvisor, startTestDocker } from '../testing/docker.ts'
import { cannotRun, makeGround, type SandboxHarness } from '../testing/harness.ts'
import { TEST_IMAGE } from '../testing/image.ts'

const harness: SandboxHarness = {
  backend: 'docker',
  unavailable: noGvisor() ?? (await startTestDocker()),
  more: { image: TEST_IMAGE, runtime: 'runsc' },
  can: {
    confine: true,
    readOnly: true,
    // Off: reaching a limit ends more than one program. See below.
    limits: false,
    fullNetwork: false,
    seen: false,
    git: true,
  },
}

describeSandboxConformance(harness)

if (harness.unavailable !== null) cannotRun('gVisor', harness.unavailable)
else {
  it('has the kernel of gVisor, not of this machine', async () => {
    const ground = makeGround(harness)
    try {
      expect((await ground.run(await ground.open(), 'dmesg')).out).toContain('gVisor')
    } finally {
      await ground.clear()
    }
  })

  it.each([
    ['processes', 'n=0; while [ $n -lt 150 ]; do sleep 5 & n=$((n+1)); done; echo all'],
    ['memory', 'head -c 400000000 /dev/zero | tail -c 300000000 | wc -c'],
  ])('a limit on %s that is reached ends all that runs', async (_, script) => {
    const ground = makeGround(harness)
    try {
      const resources = { cpus: 1, memoryBytes: 160 << 20, pids: 100, diskBytes: null }
      const request = { access: 'workspace-write', workspace: ground.workspace, ...harness.more, resources } as const
      const { sandbox } = await openSandbox('docker', request, new AbortController().signal)
      const ran = await ground.run(sandbox, script)
      await sandbox.close()
      expect(ran.exit.code === 0 && ran.out !== '').toBe(false)
    } finally {
      await ground.clear()
    }
  })
}
