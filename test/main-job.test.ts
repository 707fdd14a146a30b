import { afterEach, describe, expect, it } from 'vitest'
import { World, type Scenario } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario): World {
  world = new World(scenario)
  return world
}

describe('belay run with a prompt', () => {
  it('makes one proven commit that the target follows', async () => {
    start({ implementer: { '*': [{ files: { 'hello.txt': 'hello\n' } }] }, reviewer: { '*': [{}] } })
      .config('verify:\n  commands: ["test -f belay.yaml"]\n')
      .commit()
    const result = await world.belay(['run', 'Say hello in a file'])
    expect(result.code, result.stderr).toBe(0)
    const [, commit] = world.log()
    expect(commit).toMatchObject({
      subject: 'Say hello in a file',
      trailers: { 'Belay-Task': 'prompt', 'Belay-Gates': 'test -f belay.yaml=pass', 'Belay-Tree': commit?.tree },
    })
    expect(world.read('hello.txt')).toBe('hello\n')
    expect(world.git('status', '--porcelain')).toBe('')
  })
})

describe('belay run with a spec-kit feature', () => {
  it('lands one commit per task, with the box ticked in it', async () => {
    start({
      implementer: {
        T001: [{ files: { 'one.txt': '1\n' } }],
        T002: [{ files: { 'two.txt': '2\n' } }],
        T003: [{ files: { 'three.txt': '3\n' } }],
      },
    })
      .config()
      .feature('001-numbers', ['- [ ] T001 Write one', '- [ ] T002 [P] Write two', '- [ ] T003 [P] Write three'])
      .commit()
    const result = await world.belay(['run', '--concurrency', '2'])
    expect(result.code, result.stderr).toBe(0)
    const commits = world.log().slice(1)
    expect(commits.map((commit) => commit.trailers['Belay-Task'] ?? '').sort()).toEqual(['T001', 'T002', 'T003'])
    for (const commit of commits) expect(commit.tree).toBe(commit.trailers['Belay-Tree'])
    expect(world.read('specs/001-numbers/tasks.md').match(/- \[[xX]\]/g)).toHaveLength(3)
    const status = await world.json<{ run: { status: string }; tasks: { status: string }[] }>(['status'])
    expect(status.run.status).toBe('done')
    expect(status.tasks.map((task) => task.status)).toEqual(['done', 'done', 'done'])
  })

  it('brings a failing gate back to the implementer with its output, and a finding of the review too', async () => {
    start({
      implementer: {
        T001: [
          { files: { 'answer.txt': '41\n' } },
          { files: { 'answer.txt': '42\n' } },
          { files: { 'answer.txt': '42\n', 'why.txt': 'because\n' } },
        ],
      },
      reviewer: {
        T001: [
          {
            answer: {
              verdict: 'rework',
              findings: [{ severity: 'high', issue: 'nobody knows why', fixHint: 'write it down', file: 'why.txt' }],
            },
          },
          {},
        ],
      },
    })
      .config(
        'verify:\n  commands: [{run: "test ! -f answer.txt || grep -q 42 answer.txt || { echo it is $(cat answer.txt); exit 3; }", name: check}]\n',
      )
      .feature('001-answer', ['- [ ] T001 Write the answer'])
      .commit()
    const result = await world.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    const prompts = world
      .requests()
      .filter((request) => request['role'] === 'implementer')
      .map((request) => String(request['prompt']))
    expect(prompts).toHaveLength(3)
    expect(prompts[1]).toContain('exit code: 3')
    expect(prompts[1]).toContain('it is 41')
    expect(prompts[2]).toContain('nobody knows why')
    expect(world.log()).toHaveLength(2)
  })
})
