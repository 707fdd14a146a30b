import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { describeAnswers } from './answers.ts'
import { describeApprovals } from './approvals.ts'
import { describeEndings } from './endings.ts'
import { describeFaults } from './faults.ts'
import type { AgentHarness, Scene, Stage } from './harness.ts'
import { describeReadOnly } from './read-only.ts'
import { describeSteering } from './steering.ts'
import { describeWork } from './work.ts'

/** Real programs take many seconds to start on a busy machine. */
const PATIENCE_MS = 300_000

/**
 * Runs every rule of the agent port against one adapter, with its real program if it has one. If the program is not installed,
 * the suite is skipped with the reason; with CI=true that is a failure.
 */
export function describeAgentConformance(name: string, harness: AgentHarness): void {
  const title = `agent conformance: ${name}`
  if (harness.unavailable !== null) {
    if (process.env.CI === 'true') {
      it(title, () => {
        throw new Error(`must run in CI, but: ${harness.unavailable}`)
      })
    } else {
      process.stderr.write(`skipped: ${title}: ${harness.unavailable}\n`)
      it.skip(`${title} (${harness.unavailable})`, () => {})
    }
    return
  }
  describe(title, { timeout: PATIENCE_MS }, () => {
    let workspace = ''
    let scenes: Scene[] = []
    beforeEach(() => {
      workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-conformance-')))
    })
    afterEach(async () => {
      const open = scenes
      scenes = []
      try {
        for (const scene of open) await scene.close()
      } finally {
        rmSync(workspace, { recursive: true, force: true, maxRetries: 10 })
      }
    })
    const stage: Stage = {
      harness,
      workspace: () => workspace,
      async scene(steps) {
        const scene = await harness.start(steps, workspace)
        scenes.push(scene)
        return scene
      },
    }
    describeWork(stage)
    describeReadOnly(stage)
    describeAnswers(stage)
    describeApprovals(stage)
    describeSteering(stage)
    describeFaults(stage)
    describeEndings(stage)
  })
}
