import { describeSandboxConformance } from '../testing/conformance.ts'
import { startTestDocker } from '../testing/docker.ts'
import { TEST_IMAGE } from '../testing/image.ts'

describeSandboxConformance({
  backend: 'docker',
  unavailable: await startTestDocker(),
  more: { image: TEST_IMAGE },
  can: { confine: true, readOnly: true, limits: true, fullNetwork: false, seen: true, git: true },
})
