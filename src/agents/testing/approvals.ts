import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { killQuietly } from '../../process/index.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver, TurnEvent } from '../port.ts'
import type { Stage } from './harness.ts'
import { completed, errorOf, play, playAborted, programPids, requestIn, type Played } from './play.ts'

const COMMAND = 'echo x > asked.txt'

/** Approval requests: allowed, denied, answered too late, and never answered because the agent died. */
export function describeApprovals(stage: Stage): void {
  const { agent } = stage.harness

  if (!agent.capabilities.approvals) {
    it('asks nobody for an approval, which it cannot', async () => {
      const scene = await stage.scene([{ say: 'done' }])
      let asked = 0
      const approve: Approver = () => {
        asked += 1
        return Promise.resolve({ decision: 'deny', reason: 'no' })
      }
      const played = await play(agent, requestIn(scene, stage.workspace(), { approve }))
      completed(played)
      expect(asked).toBe(0)
      expect(statesOf(played)).toEqual([])
    })
    return
  }

  describe('approvals', () => {
    const made = (): boolean => existsSync(join(stage.workspace(), 'asked.txt'))

    it.each(['allow', 'allow_session'] as const)('goes on when the answer is %s', async (decision) => {
      const scene = await stage.scene([{ ask: COMMAND }, { say: 'It is done.' }])
      const { approve, requests } = deciding({ decision, reason: 'go on' })
      const played = await play(agent, requestIn(scene, stage.workspace(), { approve }))
      expect(completed(played).text).toBe('It is done.')
      expect(made()).toBe(true)
      expect(requests).toHaveLength(1)
      const named = stage.harness.namesCommand !== false
      const said: unknown = expect.stringContaining(COMMAND)
      expect(requests[0]).toMatchObject(named ? { kind: 'command', command: said } : { kind: 'command', title: said })
      if (!named) expect(requests[0]?.command).toBeNull()
      expect(requests[0]?.title).not.toBe('')
      expect(statesOf(played)).toEqual(['asked', 'answered'])
    })

    it('does not do what is denied, and goes on', async () => {
      const stops = stage.harness.stopsWhenDenied === true
      const scene = await stage.scene([{ ask: COMMAND }, ...(stops ? [] : [{ say: 'I could not.' }])])
      const { approve } = deciding({ decision: 'deny', reason: 'not on a Sunday' })
      const played = await play(agent, requestIn(scene, stage.workspace(), { approve }))
      if (stops) expect(errorOf(played).code).toBe('failed')
      else expect(completed(played).text).toBe('I could not.')
      expect(made()).toBe(false)
      expect(statesOf(played)).toEqual(['asked', 'answered'])
    })

    it('is interrupted while it waits; an answer that comes later changes nothing', async () => {
      const scene = await stage.scene([{ ask: COMMAND }])
      const waiting = holding()
      const request = requestIn(scene, stage.workspace(), { approve: waiting.approve })
      const played = await playAborted(agent, request, waiting.asked)
      expect(played.end).toEqual({ status: 'interrupted' })
      expect(waiting.gone()).toBe(true)
      waiting.answer({ decision: 'allow', reason: 'too late' })
      expect(statesOf(played)).toEqual(['asked', 'withdrawn'])
      expect(made()).toBe(false)
    })

    // An agent that is part of Belay dies with it.
    if (stage.harness.inProcess === true) return
    it('takes its question back when it dies', async () => {
      const scene = await stage.scene([{ ask: COMMAND }])
      const waiting = holding()
      const request = requestIn(scene, stage.workspace(), { approve: waiting.approve })
      const kill = async (): Promise<void> => {
        await waiting.asked
        programPids(request.mark).forEach(killQuietly)
      }
      const [played] = await Promise.all([play(agent, request), kill()])
      expect(errorOf(played).code).toBe('protocol')
      expect(waiting.gone()).toBe(true)
      expect(statesOf(played)).toEqual(['asked', 'withdrawn'])
      expect(made()).toBe(false)
    })
  })
}

function statesOf({ events }: Played): string[] {
  return events.flatMap((event: TurnEvent) => (event.type === 'approval' ? [event.state] : []))
}

function deciding(answer: ApprovalAnswer) {
  const requests: ApprovalRequest[] = []
  const approve: Approver = (request) => {
    requests.push(request)
    return Promise.resolve(answer)
  }
  return { approve, requests }
}

/** An approver that keeps the agent waiting. */
function holding() {
  let answer: (given: ApprovalAnswer) => void = () => {}
  let told: () => void = () => {}
  let signal: AbortSignal | null = null
  const asked = new Promise<void>((resolve) => (told = resolve))
  const approve: Approver = (_, withdrawn) => {
    signal = withdrawn
    told()
    return new Promise((resolve) => (answer = resolve))
  }
  return {
    approve,
    asked,
    gone: () => signal?.aborted ?? false,
    answer: (given: ApprovalAnswer) => answer(given),
  }
}
