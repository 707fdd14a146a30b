import { existsSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CLIS } from '../../../test/support/agent-clis.ts'
import { findBackend } from '../../sandbox/index.ts'
import { confinedAgent } from '../confined.ts'
import type { Stage, Step } from './harness.ts'
import { completed, errorOf, play, requestIn } from './play.ts'

const WRITE: Step = { write: { path: 'made.txt', content: 'by the agent\n' } }
const RUN: Step = { run: 'echo x > ran.txt' }
const SAY: Step = { say: 'I could not.' }

/** Folders of the programs in these tests: their files, and node. */
function programsOf(command: readonly string[]): string[] {
  const named = command.filter((word) => isAbsolute(word)).map((word) => dirname(word))
  return [dirname(CLIS), dirname(process.execPath), ...named].filter(existsSync).map((path) => realpathSync(path))
}

const noOs = await findBackend('os').probe()
if (noOs !== null) process.stderr.write(`skipped: agents confined by Belay: ${noOs.message}\n`)

/**
 * With read-only access nothing can be written: the agent prevents it itself if it says so, and Belay's sandbox always does.
 */
export function describeReadOnly(stage: Stage): void {
  const { harness } = stage
  const { agent } = harness

  describe('read-only access', () => {
    const made = (workspace: string): boolean[] =>
      ['made.txt', 'ran.txt'].map((name) => existsSync(join(workspace, name)))

    if (agent.capabilities.readOnly) {
      it('cannot write, by itself', async () => {
        const stops = harness.stopsWhenDenied === true
        for (const steps of stops ? [[WRITE], [RUN, SAY]] : [[WRITE, RUN, SAY]]) {
          const scene = await stage.scene(steps)
          const request = requestIn(scene, stage.workspace(), { access: 'read-only', role: 'reviewer' })
          const played = await play(agent, request)
          if (steps.length === 1) expect(errorOf(played).code).toBe('failed')
          else expect(completed(played).text).toBe('I could not.')
          expect(made(stage.workspace())).toEqual([false, false])
        }
      })
    }

    // An agent that is part of Belay runs its tools in its own sandbox, which has its own tests.
    if (harness.inProcess === true) return
    it.skipIf(noOs !== null && process.env['CI'] !== 'true')('cannot write, in a sandbox of Belay', async () => {
      const scene = await stage.scene([WRITE, RUN, SAY])
      // By its real path: a sandbox has its own /tmp, and this checkout may be in the real one.
      const [program = '', ...args] = scene.command
      const command = [realpathSync(program), ...args]
      const confined = confinedAgent(agent, { backend: 'os', more: { read: programsOf(command) } })
      expect(confined.isConfined).toBe(true)
      const request = requestIn(scene, stage.workspace(), { access: 'read-only', role: 'reviewer', command })
      const played = await play(confined, request)
      expect(completed(played).text).toBe('I could not.')
      expect(made(stage.workspace())).toEqual([false, false])
    })
  })
}
