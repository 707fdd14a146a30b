import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findMarked, killQuietly } from '../../process/index.ts'
import type { Stage } from './harness.ts'
import { completed, errorOf, play, playAborted, programPids, requestIn, wrapped } from './play.ts'

/**
 * Turns that do not end by themselves. Each time `play` checks that exactly one end came, last, and that no process is left.
 */
export function describeEndings(stage: Stage): void {
  const { harness } = stage
  const { agent } = harness
  const { interrupt, resume } = agent.capabilities
  const inProcess = harness.inProcess === true
  // An agent that is part of Belay has no program of its own.
  const ofProgram = inProcess ? () => {} : it

  describe('endings', () => {
    it('is interrupted while the model works', async () => {
      const scene = await stage.scene([{ hang: true }])
      const request = requestIn(scene, stage.workspace(), { prompt: 'Take your time.' })
      const played = await playAborted(agent, request, scene.reached(0))
      expect(played.end).toEqual({ status: 'interrupted' })
    })

    it('is interrupted while a command runs, which ends with it', async () => {
      const scene = await stage.scene([{ run: 'echo $$ > running.txt; sleep 1000' }])
      const running = join(stage.workspace(), 'running.txt')
      const started = async (): Promise<void> => {
        while (!existsSync(running)) await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const played = await playAborted(agent, requestIn(scene, stage.workspace()), started())
      expect(played.end).toEqual({ status: 'interrupted' })
      expect(played.items.filter(({ status }) => status === 'running')).toEqual([])
    })

    if (interrupt && resume)
      it('can go on with an interrupted conversation', async () => {
        const scene = await stage.scene([
          { hang: true },
          { say: 'Here I am again.', expect: ({ text }) => expect(text).toContain('Take your time.') },
        ])
        // The turn ends when the agent has stored the conversation, which may take long on a slow machine.
        const request = requestIn(scene, stage.workspace(), { prompt: 'Take your time.', graceMs: 30_000 })
        const { session } = await playAborted(agent, request, scene.reached(0))
        expect(session).toEqual(expect.any(String))
        const played = await play(agent, requestIn(scene, stage.workspace(), { prompt: 'Go on.', resume: session }))
        expect(completed(played).text).toBe('Here I am again.')
      })

    ofProgram('is killed after the grace when it does not stop', async () => {
      const scene = await stage.scene([{ hang: true }])
      const command = wrapped(scene, 'trap "" TERM INT; "$@"; sleep 1000')
      const request = requestIn(scene, stage.workspace(), { command, graceMs: 300 })
      const played = await playAborted(agent, request, scene.reached(0))
      expect(played.end).toEqual({ status: 'interrupted' })
    })

    it('does not start when it is aborted before', async () => {
      const scene = await stage.scene([])
      const played = await play(agent, requestIn(scene, stage.workspace(), { signal: AbortSignal.abort() }))
      expect(played.events).toEqual([{ type: 'end', end: { status: 'interrupted' } }])
    })

    ofProgram('fails when the program is killed in the middle of a turn', async () => {
      const scene = await stage.scene([{ hang: true }])
      const request = requestIn(scene, stage.workspace())
      const killed = scene.reached(0).then(() => {
        const pids = programPids(request.mark)
        pids.forEach(killQuietly)
        return pids
      })
      const error = errorOf(await play(agent, request))
      expect(await killed).not.toEqual([])
      expect(error.code).toBe('protocol')
    })

    ofProgram('fails when the program ends at once without a word', async () => {
      const scene = await stage.scene([])
      const command = wrapped(scene, 'echo "out of luck" >&2; exit 3')
      const error = errorOf(await play(agent, requestIn(scene, stage.workspace(), { command })))
      expect(error).toMatchObject({ code: 'protocol', stderrTail: 'out of luck' })
    })

    ofProgram('fails when the program is not there', async () => {
      const scene = await stage.scene([])
      const command = ['/nonexistent/program']
      const error = errorOf(await play(agent, requestIn(scene, stage.workspace(), { command })))
      expect(error.code).toBe('spawn')
      expect(error.message).toContain('/nonexistent/program')
    })

    ofProgram('ends its processes when the consumer stops listening', async () => {
      const scene = await stage.scene([])
      const request = requestIn(scene, stage.workspace())
      let running: number[] = []
      for await (const event of agent.turn(request)) {
        if (event.type !== 'process') continue
        running = findMarked(request.mark)
        break
      }
      expect(running).not.toEqual([])
      expect(findMarked(request.mark)).toEqual([])
    })

    it('says what is installed without a network', async () => {
      const scene = await stage.scene([])
      const probe = await agent.probe(scene.env, inProcess ? null : scene.command)
      expect(probe).toMatchObject({ installed: true, path: expect.stringMatching(/^\//) as string })
      if (inProcess) return
      const missing = await agent.probe(scene.env, ['/nonexistent/program'])
      expect(missing).toMatchObject({ installed: false, path: null, hint: expect.any(String) as string })
    })
  })
}
