import { describe, expect, it } from 'vitest'
import type { Stage } from './harness.ts'
import { completed, errorOf, play, requestIn } from './play.ts'

const outputSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['implemented', 'blocked'] },
    notes: { type: 'array', items: { type: 'string' } },
  },
  required: ['status', 'notes'],
  additionalProperties: false,
}

const GOOD = { status: 'implemented', notes: ['é "quoted"\n'] }
const BAD = { status: 'perhaps', notes: [] }

/**
 * Structured answers, enforced by the agent or asked for in the prompt. The turn runner checks them; an adapter only passes
 * them on.
 */
export function describeAnswers(stage: Stage): void {
  const { harness } = stage
  const { agent } = harness

  describe('structured answers', () => {
    it('hands on a valid answer', async () => {
      const scene = await stage.scene([{ answer: GOOD }])
      const played = await play(agent, requestIn(scene, stage.workspace(), { outputSchema }))
      expect(completed(played).output).toEqual(GOOD)
    })

    it('does not lose an answer that breaks the schema', async () => {
      const scene = await stage.scene(
        harness.refusesBadAnswers ? [{ answer: BAD }, { answer: GOOD }] : [{ answer: BAD }],
      )
      const played = await play(agent, requestIn(scene, stage.workspace(), { outputSchema }))
      expect(completed(played).output).toEqual(harness.refusesBadAnswers ? GOOD : BAD)
    })

    it('does not invent an answer where there is none', async () => {
      const scene = await stage.scene([{ say: 'I forgot the form.', every: true }])
      const played = await play(agent, requestIn(scene, stage.workspace(), { outputSchema }))
      if (played.end.status === 'completed') {
        expect(played.end).toMatchObject({ output: null, text: 'I forgot the form.' })
      } else {
        expect(errorOf(played).code).toBe('protocol')
      }
      expect(played.items.some((item) => item.text === 'I forgot the form.')).toBe(true)
    })
  })
}
