import { afterEach, beforeEach, describe } from 'vitest'
import { describeConfinement } from './confinement.ts'
import { describeGit } from './git.ts'
import { cannotRun, makeGround, type Ground, type SandboxHarness, type Stage } from './harness.ts'
import { describeLives } from './lives.ts'
import { describePrograms } from './programs.ts'

/** Runs every rule of the sandbox port against one backend. */
export function describeSandboxConformance(harness: SandboxHarness): void {
  const title = `sandbox conformance: ${harness.backend}`
  if (harness.unavailable !== null) {
    cannotRun(title, harness.unavailable)
    return
  }
  describe(title, () => {
    let ground: Ground
    beforeEach(() => {
      ground = makeGround(harness)
    })
    afterEach(() => ground.clear())
    const stage: Stage = { harness, ground: () => ground }
    describePrograms(stage)
    describeLives(stage)
    if (harness.can.git) describeGit(stage)
    if (harness.can.confine) describeConfinement(stage)
  })
}
