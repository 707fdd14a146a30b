import { describeSandboxConformance } from '../testing/conformance.ts'

describeSandboxConformance({
  backend: 'host',
  unavailable: null,
  more: {},
  can: { confine: false, readOnly: false, limits: false, fullNetwork: true, seen: true, git: true },
})
