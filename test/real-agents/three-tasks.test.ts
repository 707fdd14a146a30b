/** The main job with the real agents: three tasks, a failing gate, a review that asks for rework, three verified commits. */
import { afterEach, describe, expect, it } from 'vitest'
import { skipWithout } from '../support/agent-clis.ts'
import type { Step } from '../support/model-server/index.ts'
import { PLAYERS, goesOn, lastPrompt, turn, type Player, type Provider } from './players.ts'
import { implemented, passes, reworks } from '../support/answers.ts'
import { Stage } from './stage.ts'

const TASKS = ['- [ ] T001 Write greeting.txt', '- [ ] T002 Write answer.txt', '- [ ] T003 Write notes.txt']

function script(implementer: Player, reviewer: Player): Step[] {
  return [
    ...turn(
      (request) => expect(lastPrompt(request)).toContain('# Task T001: Write greeting.txt'),
      implementer.write('greeting.txt', 'hello\n'),
      implementer.answer(implemented('T001')),
    ),
    ...turn(
      (request) => {
        expect(request.text).toContain('# Review of task T001')
        expect(request.text).toContain('+hello')
        expect(request.text).toContain('check: pass')
      },
      reviewer.answer(passes('T001', 'Write greeting.txt')),
    ),

    ...turn(
      (request) => expect(lastPrompt(request)).toContain('# Task T002: Write answer.txt'),
      implementer.run('echo 41 > answer.txt && cat greeting.txt'),
      implementer.answer(implemented('T002')),
    ),
    ...turn(
      (request) => {
        expect(lastPrompt(request)).toContain('exit code: 3')
        expect(lastPrompt(request)).toContain('the answer is 41')
        goesOn(request, 'T002')
      },
      implementer.edit('answer.txt', '41', '42'),
      implementer.answer(implemented('T002')),
    ),
    ...turn((request) => expect(request.text).toContain('+42'), reviewer.answer(passes('T002', 'Write answer.txt'))),

    ...turn(
      (request) => expect(lastPrompt(request)).toContain('# Task T003: Write notes.txt'),
      implementer.write('notes.txt', 'first\n'),
      implementer.answer(implemented('T003')),
    ),
    ...turn(
      (request) => expect(request.text).toContain('+first'),
      reviewer.answer(reworks('T003', 'Write notes.txt', 'the notes do not say why', 'notes.txt')),
    ),
    ...turn(
      (request) => {
        expect(lastPrompt(request)).toContain('the notes do not say why')
        goesOn(request, 'T003')
      },
      implementer.edit('notes.txt', 'first', 'first, because'),
      implementer.answer(implemented('T003')),
    ),
    ...turn(
      (request) => {
        expect(request.text).toContain('+first, because')
        expect(request.text).toContain('the notes do not say why')
      },
      reviewer.answer(passes('T003', 'Write notes.txt')),
    ),
  ]
}

interface Shown {
  readonly task: { readonly sessions: readonly ShownSession[] }
  readonly attempts: readonly { readonly n: number; readonly outcome: string; readonly session: string }[]
  readonly evidence: readonly { readonly phase: string; readonly result: string; readonly tree: string }[]
  readonly findings: readonly { readonly issue: string; readonly status: string }[]
}

interface ShownSession {
  readonly role: string
  readonly provider: string
  readonly model: string
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number | null
  readonly cost_kind: string
}

let stage: Stage | undefined
afterEach(async () => {
  await stage?.close()
  stage = undefined
})

const CAST: readonly (readonly [Provider, Provider])[] = [
  ['claude', 'claude'],
  ['codex', 'codex'],
  ['claude', 'codex'],
]

describe.skipIf(skipWithout('whole runs with real agents', ['claude', 'codex']))('three tasks', () => {
  it.each(CAST)('%s implements and %s reviews', { timeout: 300_000 }, async (implementer, reviewer) => {
    stage = await Stage.open({ implementer, reviewer, steps: script(PLAYERS[implementer], PLAYERS[reviewer]) })
    const { world } = stage
    world.feature('001-words', TASKS).commit()
    const result = await world.belay(['run'])
    expect(result.code, result.stderr).toBe(0)

    expect(world.read('greeting.txt')).toBe('hello\n')
    expect(world.read('answer.txt')).toBe('42\n')
    expect(world.read('notes.txt')).toBe('first, because\n')
    expect(world.git('status', '--porcelain')).toBe('')
    const commits = world.log().slice(1)
    expect(commits.map(({ trailers }) => trailers['Belay-Task'])).toEqual(['T001', 'T002', 'T003'])

    const sessions: ShownSession[] = []
    for (const commit of commits) {
      const shown = await world.json<Shown>(['show', commit.trailers['Belay-Task'] ?? ''])
      const proof = shown.evidence.findLast(({ phase }) => phase === 'verify')
      expect(proof).toMatchObject({ result: 'pass', tree: commit.tree })
      expect(commit.trailers['Belay-Tree']).toBe(commit.tree)
      expect(commit.trailers['Belay-Gates']).toBe('check=pass')
      expect(commit.trailers['Belay-Agent']).toContain(`implementer=${implementer}`)
      sessions.push(...shown.task.sessions)
    }
    const second = await world.json<Shown>(['show', 'T002'])
    expect(second.attempts.map(({ outcome }) => outcome)).toEqual(['gates_failed', 'landed'])
    expect(new Set(second.attempts.map(({ session }) => session)).size, 'one conversation').toBe(1)
    const third = await world.json<Shown>(['show', 'T003'])
    expect(third.attempts.map(({ outcome }) => outcome)).toEqual(['rework', 'landed'])
    expect(third.findings).toMatchObject([{ issue: 'the notes do not say why', status: 'resolved' }])

    // Every request of the script reports 100 tokens in and 10 out.
    const used = (provider: Provider): readonly ShownSession[] => sessions.filter((one) => one.provider === provider)
    expect(sum(sessions, 'input_tokens')).toBe(100 * stage.model.requests.length)
    expect(sum(sessions, 'output_tokens')).toBe(10 * stage.model.requests.length)
    for (const one of used('claude')) expect(one).toMatchObject({ cost_kind: 'reported', cost_usd: expect.any(Number) })
    // gpt-5.5: 5 dollars per million tokens in, 30 out.
    for (const one of used('codex')) {
      expect(one).toMatchObject({ model: 'gpt-5.5', cost_kind: 'estimated' })
      expect(one.cost_usd).toBeCloseTo((one.input_tokens * 5 + one.output_tokens * 30) / 1_000_000, 9)
    }
  })
})

function sum(sessions: readonly ShownSession[], key: 'input_tokens' | 'output_tokens'): number {
  return sessions.reduce((total, one) => total + one[key], 0)
}
