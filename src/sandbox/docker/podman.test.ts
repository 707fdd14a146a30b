import { afterAll } from 'vitest'
import { describeSandboxConformance } from '../testing/conformance.ts'
import { TEST_IMAGE } from '../testing/image.ts'
import { startTestPodman } from '../testing/podman.ts'

const podman = await startTestPodman()
afterAll(() => podman.end())

describeSandboxConformance({
  backend: 'docker',
  unavailable: podman.why,
  more: { image: TEST_IMAGE },
  can: { confine: true, readOnly: true, limits: true, fullNetwork: false, seen: true, git: true },
})
