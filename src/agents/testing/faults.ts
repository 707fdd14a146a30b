import { describe, expect, it } from 'vitest'
import type { Stage } from './harness.ts'
import { errorOf, completed, play, requestIn } from './play.ts'

/** Failures of the model's service, and streams that are slow or break. */
export function describeFaults(stage: Stage): void {
  const { harness } = stage
  const { agent } = harness

  describe('faults', () => {
    for (const fault of harness.faults) {
      const timed = harness.timedFaults.includes(fault)
      it(`ends with ${fault} when the provider says so${timed ? ', with the time of the next try' : ''}`, async () => {
        const retryAt = new Date((Math.floor(Date.now() / 1000) + 7200) * 1000).toISOString()
        const scene = await stage.scene([{ fail: fault, every: true, ...(timed ? { retryAt } : {}) }])
        const error = errorOf(await play(agent, requestIn(scene, stage.workspace())))
        expect(error.code).toBe(fault)
        expect(error.message).not.toBe('')
        const off = Math.abs(Date.parse(error.retryAt ?? '') - Date.parse(retryAt))
        if (timed) expect(off).toBeLessThanOrEqual(harness.timesToMs ?? 0)
      })
    }

    it('says which faults come with a time', () => {
      expect(agent.capabilities.quota).toBe(harness.timedFaults.includes('quota'))
    })

    it('fails, and does not hang, when the connection drops in the middle of an answer', async () => {
      const scene = await stage.scene([{ disconnect: true, every: true }])
      const error = errorOf(await play(agent, requestIn(scene, stage.workspace())))
      expect(['provider', 'protocol']).toContain(error.code)
    })

    it('waits for a slow answer and has all of it', async () => {
      const text = Array.from({ length: 60 }, (_, n) => `word${n * n}`).join(' ') // some agents stop at repeated text
      const scene = await stage.scene([{ say: text, pieces: 50 }])
      expect(completed(await play(agent, requestIn(scene, stage.workspace()))).text).toBe(text)
    })
  })
}
