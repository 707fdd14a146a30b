/** Approval requests of real agents in `belay run`: the command policy decides, then people, if the run waits for them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { PLAYERS, type Provider } from './real-agents/players.ts'
import { implemented, passes } from './support/answers.ts'
import { Stage } from './real-agents/stage.ts'
import { skipWithout } from './support/agent-clis.ts'
import type { EventLine, Question } from './support/people.ts'
import { collect } from './support/world.ts'

let stage: Stage | undefined
afterEach(async () => {
  await stage?.close()
  stage = undefined
})

async function open(provider: Provider, policy: string, commands: readonly string[]): Promise<Stage> {
  const player = PLAYERS[provider]
  stage = await Stage.open({
    steps: [
      ...commands.flatMap((command) => player.run(command)),
      ...player.write('answer.txt', '42\n'),
      ...player.answer(implemented('T001')),
      ...player.answer(passes('T001', 'Write answer.txt')),
    ],
    implementer: provider,
    reviewer: provider,
  })
  const { world } = stage
  world.files({ 'belay.yaml': `${policy}${world.read('belay.yaml')}` })
  world.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
  return stage
}

async function approvals(of: Stage): Promise<Record<string, unknown>[]> {
  const { stdout } = await of.world.belay(['events', '--type', 'item.approval', '--json'])
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => (JSON.parse(line) as EventLine).data)
}

describe.each<Provider>(['claude', 'codex'])('approvals of %s in belay run', (provider) => {
  describe.skipIf(skipWithout('approvals in belay run', [provider]))('with the real program', () => {
    it('a command that policy denies is not run; the agent is told, goes on, and the record names it', async () => {
      const { world } = await open(provider, 'policy: {commands: {deny: ["touch deployed.txt"]}}\n', [
        'touch deployed.txt',
        'touch built.txt',
      ])
      const { code, stderr } = await world.belay(['run'])
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stderr).toMatch(/denied: .*touch deployed\.txt.*policy\/deny-1/)
      expect(world.read('answer.txt')).toBe('42\n')
      expect([world.has('deployed.txt'), world.has('built.txt')]).toEqual([false, true])
      expect(await approvals(stage as Stage)).toEqual([
        expect.objectContaining({
          decision: 'deny',
          kind: 'command',
          command: expect.stringContaining('touch deployed.txt'),
          reason: expect.stringContaining('policy/deny-1'),
          attempt: 1,
        }),
      ])
      expect((await world.belay(['logs', 'T001'])).stdout).toMatch(/^ {2}! denied: .*touch deployed\.txt/m)
    })

    it('what policy leaves to a person is denied where nobody is waited for', async () => {
      const { world } = await open(provider, 'policy: {commands: {ask: ["touch deployed.txt"]}}\n', [
        'touch deployed.txt',
      ])
      expect(await world.belay(['run'])).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/denied: .*nobody is/),
      })
      expect(world.has('deployed.txt')).toBe(false)
    })
  })
})

describe.skipIf(skipWithout('approvals in belay run', ['claude']))('policy.wait', () => {
  const WAIT = 'policy: {wait: 5m, commands: {ask: ["touch deployed.txt"]}}\n'

  /** The question that is open, when there is one; the test's own time is the limit. */
  async function question(of: Stage): Promise<Question> {
    for (;;) {
      const { checkpoints } = await of.world.json<{ checkpoints: Question[] }>(['checkpoints'])
      const found = checkpoints.find(({ status }) => status === 'open')
      if (found) return found
    }
  }

  it.each([
    ['allow', true],
    ['deny', false],
  ] as const)('a person is waited for, told by notify.command, and says %s', async (value, made) => {
    const { world } = await open('claude', WAIT, ['touch deployed.txt'])
    const notices = join(world.dir, 'notices')
    world
      .files({ 'belay.yaml': `notify: {command: "cat >> ${notices}"}\n${world.read('belay.yaml')}` })
      .commit('notify')
    const child = world.start(['run'])
    const ended = collect(child)
    const asked = await question(stage as Stage)
    expect(asked).toMatchObject({ kind: 'approval', task: 'T001', options: ['allow', 'always', 'deny'] })
    expect((await world.belay(['answer', asked.id, 'perhaps'])).stderr).toContain('[answer_invalid]')
    expect(await world.belay(['answer', asked.id, value, '--note', 'as agreed'])).toMatchObject({ code: 0 })
    expect(await ended).toMatchObject({ code: 0 })
    expect(world.has('deployed.txt')).toBe(made)
    expect(await approvals(stage as Stage)).toEqual([
      expect.objectContaining({ decision: value, reason: `a person said ${value}: as agreed` }),
    ])
    const notice = JSON.parse(readFileSync(notices, 'utf8').split('\n')[0] ?? '') as unknown
    expect(notice).toMatchObject({ event: 'task.waiting', checkpoint: { id: asked.id, kind: 'approval' } })
  })

  it('what nobody answers in time is denied, and its question is closed', async () => {
    const { world } = await open('claude', WAIT.replace('5m', '300ms'), ['touch deployed.txt'])
    expect(await world.belay(['run'])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/denied: .*nobody answered in time/),
    })
    expect(await world.json(['checkpoints'])).toEqual({ checkpoints: [] })
  })

  it('kill -9 while a question stands: it is closed when the run goes on, and asked again', async () => {
    const { world } = await open('claude', WAIT, ['touch deployed.txt', 'touch deployed.txt'])
    const child = world.start(['run'])
    const ended = collect(child)
    const first = await question(stage as Stage)
    child.kill('SIGKILL')
    await ended
    const again = world.start(['resume'])
    const resumed = collect(again)
    let second = await question(stage as Stage)
    while (second.id === first.id) second = await question(stage as Stage)
    expect((await world.belay(['answer', first.id, 'allow'])).stderr).toContain('[checkpoint_closed]')
    await world.belay(['answer', second.id, 'deny'])
    expect(await resumed).toMatchObject({ code: 0 })
  })
})
