import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EventQueue } from '../queue.ts'
import type { Stage } from './harness.ts'
import { completed, play, requestIn } from './play.ts'

/** Messages during a turn. */
export function describeSteering(stage: Stage): void {
  const { agent } = stage.harness

  if (!agent.capabilities.steer) {
    it('takes no messages in the middle of a turn', async () => {
      const scene = await stage.scene([{ say: 'done' }])
      let taken = 0
      const steer: AsyncIterable<string> = {
        [Symbol.asyncIterator]() {
          taken += 1
          return { next: () => new Promise(() => {}) }
        },
      }
      completed(await play(agent, requestIn(scene, stage.workspace(), { steer })))
      expect(taken).toBe(0)
    })
    return
  }

  describe('steering', () => {
    it('is given a message in the middle of a turn', async () => {
      const texts: string[] = []
      const scene = await stage.scene([
        { run: 'until [ -e go ]; do sleep 0.05; done' },
        { say: 'Blue it is.', every: true, expect: ({ text }) => texts.push(text) },
      ])
      const steer = new EventQueue<string>()
      const steered = async (): Promise<void> => {
        await scene.reached(0)
        await steer.push('Paint it blue.')
        writeFileSync(join(stage.workspace(), 'go'), '')
      }
      const request = requestIn(scene, stage.workspace(), { steer })
      const [played] = await Promise.all([play(agent, request), steered()])
      expect(completed(played).text).toBe('Blue it is.')
      expect(texts.at(-1)).toContain('Paint it blue.')
    })

    it('ends although more messages could come', async () => {
      const scene = await stage.scene([{ say: 'done' }])
      const steer = new EventQueue<string>()
      expect(completed(await play(agent, requestIn(scene, stage.workspace(), { steer }))).text).toBe('done')
    })
  })
}
