import type { SandboxBackend } from '../port.ts'
import { unavailable } from '../refusal.ts'
import { openLinux, probeLinux } from './linux.ts'
import { openMacOS, probeMacOS } from './macos.ts'

const nowhere = unavailable(`there is no sandbox for ${process.platform}`, 'use Linux, macOS or docker')

/**
 * The operating system's own sandbox: bubblewrap with Belay's seccomp filter and sandbox-runtime's proxy on Linux, Seatbelt on
 * macOS.
 */
export const osBackend: SandboxBackend = {
  name: 'os',
  probe() {
    if (process.platform === 'linux') return probeLinux()
    if (process.platform === 'darwin') return probeMacOS()
    return Promise.resolve(nowhere)
  },
  open(policy) {
    if (process.platform === 'linux') return openLinux(policy)
    if (process.platform === 'darwin') return openMacOS(policy)
    return Promise.resolve({ refusal: nowhere })
  },
}
