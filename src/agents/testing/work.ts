import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Stage } from './harness.ts'
import { completed, play, requestIn, wrapped } from './play.ts'

/** What an agent does in a turn that goes well, and that all of it is reported. */
export function describeWork(stage: Stage): void {
  const { harness } = stage
  const { agent } = harness
  const { capabilities } = agent

  describe('work', () => {
    it('passes on a message and ends with it', async () => {
      const scene = await stage.scene([
        { say: 'All is well.', expect: (asked) => expect(asked.text).toContain('Fix the leak.') },
      ])
      const played = await play(agent, requestIn(scene, stage.workspace(), { prompt: 'Fix the leak.' }))
      expect(completed(played).text).toBe('All is well.')
      expect(played.items.filter((item) => item.kind === 'message')).toMatchObject([
        { status: 'completed', text: 'All is well.' },
      ])
      if (harness.inProcess !== true)
        expect(played.events[0]).toMatchObject({ type: 'process', identity: { pid: expect.any(Number) } })
      expect(played.events.filter((event) => event.type === 'raw').length).toBeGreaterThan(0)
    })

    it('takes a prompt that looks like a command or a flag as text', async () => {
      for (const prompt of ['/compact the pipes', '--help wanted']) {
        const scene = await stage.scene([{ say: 'read', expect: ({ text }) => expect(text).toContain(prompt) }])
        expect(completed(await play(agent, requestIn(scene, stage.workspace(), { prompt }))).text).toBe('read')
      }
    })

    it('runs a command and shows the call with its result', async () => {
      const scene = await stage.scene([
        { run: "printf 'from-the-%d\\n' 42" },
        { say: 'ran', expect: (asked) => expect(asked.text).toContain('from-the-42') },
      ])
      const played = await play(agent, requestIn(scene, stage.workspace()))
      expect(completed(played).text).toBe('ran')
      if (harness.reportsTools === false) return
      const call = played.items.find((item) => item.kind === 'tool_call')
      expect(call).toMatchObject({ status: 'completed' })
      if (harness.reportsOutput === false) expect(call?.tool?.output).toBeNull()
      else expect(call?.tool?.output).toContain('from-the-42')
    })

    it('changes a file in the workspace', async () => {
      const scene = await stage.scene([{ write: { path: 'made.txt', content: 'by the agent\n' } }, { say: 'written' }])
      const played = await play(agent, requestIn(scene, stage.workspace()))
      completed(played)
      expect(readFileSync(join(stage.workspace(), 'made.txt'), 'utf8')).toBe('by the agent\n')
      if (harness.reportsTools === false) return
      const change = played.items.find((item) => item.kind === 'file_change')
      expect(change).toMatchObject({ status: 'completed', text: expect.stringContaining('made.txt') as string })
    })

    it('is given the environment of the request and nothing else', async () => {
      const scene = await stage.scene([
        { run: 'printf "%s|%s" "$BELAY_CONFORMANCE" "$VITEST" > env.txt' },
        { say: 'done' },
      ])
      const env = { ...scene.env, BELAY_CONFORMANCE: 'given' }
      expect(process.env.VITEST).toBeTruthy()
      completed(await play(agent, requestIn(scene, stage.workspace(), { env })))
      expect(readFileSync(join(stage.workspace(), 'env.txt'), 'utf8')).toBe('given|')
    })

    if (harness.model !== null || harness.effort !== null)
      it('passes model and effort to the model', async () => {
        const scene = await stage.scene([
          {
            say: 'done',
            expect({ model, effort }) {
              if (harness.model) expect(model).toBe(harness.model.seen)
              if (harness.effort) expect(effort).toBe(harness.effort.seen)
            },
          },
        ])
        const request = requestIn(scene, stage.workspace(), {
          model: harness.model?.ask ?? null,
          effort: harness.effort?.ask ?? null,
        })
        const played = await play(agent, request)
        completed(played)
        expect(capabilities.model).toBe(harness.model !== null)
        if (harness.effort) expect(capabilities.efforts).toContain(harness.effort.ask)
        const session = played.events.find((event) => event.type === 'session')
        if (harness.model) expect(session?.model).toBe(harness.model.session ?? harness.model.seen)
      })

    if (capabilities.usage !== 'none')
      it('says what the turn used', async () => {
        const scene = await stage.scene([{ run: 'true' }, { say: 'done' }])
        const { usage } = await play(agent, requestIn(scene, stage.workspace()))
        expect(usage.inputTokens).toBeGreaterThan(0)
        expect(usage.outputTokens).toBeGreaterThan(0)
        if (harness.reportsCost) expect(usage.costUsd).toBeGreaterThan(0)
        else expect(usage.costUsd).toBeNull()
      })

    if (capabilities.resume)
      it('goes on with a conversation, and counts only the new turn', async () => {
        const scene = await stage.scene([
          { say: 'The word is heron.' },
          {
            say: 'It was heron.',
            expect({ text }) {
              expect(text).toContain('Remember a word.')
              expect(text).toContain('The word is heron.')
              expect(text).toContain('Which word was it?')
            },
          },
        ])
        const first = await play(agent, requestIn(scene, stage.workspace(), { prompt: 'Remember a word.' }))
        completed(first)
        expect(first.session).toEqual(expect.any(String))
        const more = { prompt: 'Which word was it?', resume: first.session, attempt: 2 }
        const second = await play(agent, requestIn(scene, stage.workspace(), more))
        expect(completed(second).text).toBe('It was heron.')
        if (capabilities.usage === 'none') return
        expect(second.usage.inputTokens).toBeLessThan(first.usage.inputTokens * 1.5)
        if (harness.costAfterResume === false) expect(second.usage.costUsd).toBeNull()
        else if (harness.reportsCost) expect(second.usage.costUsd).toBeLessThan((first.usage.costUsd ?? 0) * 1.5)
      })

    // An agent that is part of Belay has no program of its own.
    if (harness.inProcess === true) return
    it('keeps frames that it does not know, and goes on', async () => {
      const scene = await stage.scene([{ say: 'done' }])
      const script = `printf '%s\\n' "$1" 'this is not a frame'; shift; exec "$@"`
      const command = ['/bin/sh', '-c', script, 'sh', harness.unknownFrame, ...scene.command]
      const played = await play(agent, requestIn(scene, stage.workspace(), { command }))
      expect(completed(played).text).toBe('done')
      const texts = played.items.filter((item) => item.kind === 'unknown').map((item) => item.text)
      expect(texts).toEqual(expect.arrayContaining([harness.unknownFrame, 'this is not a frame']))
      const raws = played.events.filter((event) => event.type === 'raw').map(({ frame }) => frame)
      expect(raws).toEqual(expect.arrayContaining([harness.unknownFrame, 'this is not a frame']))
    })

    it('ends the turn when the program does not end after its answer', async () => {
      const scene = await stage.scene([{ say: 'done' }])
      const command = wrapped(scene, '"$@"; sleep 1000')
      const played = await play(agent, requestIn(scene, stage.workspace(), { command, graceMs: 300 }))
      expect(completed(played).text).toBe('done')
    })
  })
}
