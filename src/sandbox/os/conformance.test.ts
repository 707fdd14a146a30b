import { findBackend } from '../index.ts'
import { describeSandboxConformance } from '../testing/conformance.ts'

const refusal = await findBackend('os').probe()
const linux = process.platform === 'linux'

describeSandboxConformance({
  backend: 'os',
  unavailable: refusal?.message ?? null,
  more: {},
  can: {
    confine: true,
    readOnly: true,
    // Only root can create control groups.
    limits: linux && process.geteuid?.() === 0,
    fullNetwork: true,
    seen: true,
    git: true,
  },
})
