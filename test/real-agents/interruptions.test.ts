/** What interrupts a real agent: an exhausted plan, and the death of Belay. */
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { MARK, findWith } from '../../src/process/index.ts'
import { skipWithout } from '../support/agent-clis.ts'
import { PLAYERS, goesOn, lastPrompt, turn, type Provider } from './players.ts'
import { implemented, passes } from '../support/answers.ts'
import { Stage } from './stage.ts'

const TASK = ['- [ ] T001 Write answer.txt']

interface Status {
  readonly run: { readonly id: string; readonly status: string }
  readonly tasks: readonly {
    readonly status: string
    readonly attempt: number
    readonly reason: { readonly code: string; readonly message: string } | null
  }[]
}

let stage: Stage | undefined
afterEach(async () => {
  await stage?.close()
  stage = undefined
})

/** A time in whole seconds, as providers name it. */
function inSeconds(seconds: number): string {
  return new Date((Math.floor(Date.now() / 1000) + seconds) * 1000).toISOString()
}

/** What runs for tasks of a run. */
function processesOf(run: string): number[] {
  return findWith(MARK, (mark) => mark.startsWith(`${run}/`))
}

const PROVIDERS: readonly Provider[] = ['claude', 'codex']
const skip = skipWithout('interruptions of real agents', PROVIDERS)

describe.skipIf(skip).each(PROVIDERS)('%s', (provider) => {
  const player = PLAYERS[provider]
  it('leaves with 5 when the plan is used up and nobody wants to wait', async () => {
    const retryAt = inSeconds(7200)
    const steps = player.act({ fail: 'quota', retryAt })
    stage = await Stage.open({ implementer: provider, reviewer: provider, steps, login: 'plan' })
    const { world } = stage
    world.feature('001-words', TASK).commit()
    const result = await world.belay(['run', '--no-wait'])
    expect(result.code, result.stderr).toBe(5)
    expect(result.stderr).toContain(retryAt)
    const { run, tasks } = await world.json<Status>(['status'])
    expect(run.status).toBe('suspended')
    expect(tasks).toMatchObject([{ status: 'suspended', attempt: 0, reason: { code: 'agent_quota' } }])
    expect(world.log()).toHaveLength(1)
    // Nobody asked for a second try before its time.
    expect((await world.belay(['resume', '--no-wait'])).code).toBe(5)
    expect(stage.model.requests).toHaveLength(1)
  })

  it('stays and goes on when the plan is back', async () => {
    let until = ''
    let wentOn = ''
    const steps = [
      ...player.act(() => ({ fail: 'quota', retryAt: (until = inSeconds(4)) })),
      ...turn(
        () => void (wentOn = new Date().toISOString()),
        player.write('answer.txt', '42\n'),
        player.answer(implemented('T001')),
      ),
      ...turn(() => {}, player.answer(passes('T001', 'Write answer.txt'))),
    ]
    stage = await Stage.open({ implementer: provider, reviewer: provider, steps, login: 'plan' })
    const { world } = stage
    world.feature('001-words', TASK).commit()
    const result = await world.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    expect(wentOn >= until, `${until}, ${wentOn}`).toBe(true)
    expect(world.read('answer.txt')).toBe('42\n')
  })

  it('is taken up again after kill -9 in the middle of its turn', async () => {
    const steps = [
      ...turn(() => {}, player.write('answer.txt', '41\n'), player.answer(implemented('T001'))),
      // Killed here: half of the work is on disk, the model has not answered.
      ...turn(
        (request) => expect(lastPrompt(request)).toContain('the answer is 41'),
        player.write('half.txt', 'half\n'),
        player.act({ hang: true }),
      ),
      ...turn(
        (request) => {
          expect(lastPrompt(request)).toContain('the answer is 41')
          goesOn(request, 'T001')
        },
        player.edit('answer.txt', '41', '42'),
        player.answer(implemented('T001')),
      ),
      ...turn(() => {}, player.answer(passes('T001', 'Write answer.txt'))),
    ]
    stage = await Stage.open({ implementer: provider, reviewer: provider, steps })
    const { world, model } = stage
    world.feature('001-words', TASK).commit()
    const belay = world.start(['run'])
    belay.stdin?.end()
    const gone = once(belay, 'exit')
    await model.reached(3)
    const { run } = await world.json<Status>(['status'])
    expect(processesOf(run.id)).not.toEqual([])
    belay.kill('SIGKILL')
    await gone

    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(processesOf(run.id)).toEqual([])
    expect(world.read('answer.txt')).toBe('42\n')
    expect(world.has('half.txt')).toBe(false)
    const [, commit, ...more] = world.log()
    expect(more).toEqual([])
    expect(commit?.trailers['Belay-Tree']).toBe(commit?.tree)
    // What was killed is no attempt.
    expect((await world.json<Status>(['status'])).tasks).toMatchObject([{ status: 'done', attempt: 2 }])
  })
})
