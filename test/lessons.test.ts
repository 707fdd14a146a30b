/** What other task loops got wrong, where no other whole-program test covers it. */
import { afterEach, expect, it } from 'vitest'
import { events, prompts, tasks } from './support/people.ts'
import { World, type Scenario } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario, lines: readonly string[], config = ''): World {
  world = new World(scenario)
  return world.config(config).feature('001-a', lines).commit()
}

const changed = (commit = 'HEAD'): string[] => world.git('show', '--format=', '--name-only', commit).split('\n').sort()

it('what a blocked task left is in no commit of the next one, nor in its checkout', async () => {
  const left = { 'left.txt': 'half done\n', 'shared.txt': 'spoilt\n' }
  start(
    {
      implementer: {
        T001: [
          {
            files: left,
            sh: 'mkdir -p junk && echo x > junk/y',
            answer: { status: 'blocked', unresolvedItems: ['a key'] },
          },
        ],
        T002: [{ files: { 'two.txt': '2\n' }, sh: 'ls -A > seen.txt; cat shared.txt >> seen.txt' }],
      },
    },
    ['- [ ] T001 Write one', '- [ ] T002 Write two'],
  )
    .files({ 'shared.txt': 'whole\n' })
    .commit('shared')
  expect((await world.belay(['run', '--keep-going'])).code).toBe(3)
  expect(await tasks(world)).toBe('T001 blocked, T002 done')
  expect(changed()).toEqual(['seen.txt', 'specs/001-a/tasks.md', 'two.txt'])
  const seen = world.read('seen.txt')
  expect(seen).toContain('whole')
  for (const gone of ['left.txt', 'junk', 'spoilt']) expect(seen).not.toContain(gone)
  // Nor is it in the user's checkout; and it is not lost.
  expect(world.git('status', '--porcelain')).toBe('')
  expect((await world.belay(['diff', 'T001'])).stdout).toContain('half done')
})

it('the reviewer sees the diff, what the checks said, the criteria and what the implementer said', async () => {
  start(
    { implementer: { '*': [{ files: { 'one.txt': 'the new line\n' }, answer: { notes: ['it was easy'] } }] } },
    ['- [ ] T001 Write one'],
    'verify: {commands: [{run: "echo the check says so", name: look}]}\n',
  )
  const { code, stderr } = await world.belay(['run', '--accept-red-baseline', '--allow-absent-gates'])
  expect(code, stderr).toBe(0)
  const [prompt = ''] = prompts(world, 'reviewer')
  expect(prompt).toMatch(/^## Diff\n```+diff\n[^]*^\+the new line$/m)
  expect(prompt).toMatch(/^## Evidence\n[^]*look[^]*the check says so/m)
  expect(prompt).toMatch(/criteri[^]*Write one/i)
  expect(prompt).toContain('it was easy')
})

it('a task whose box is ticked already is done, and nobody is asked about it', async () => {
  start({ implementer: { '*': [{ files: { 'two.txt': '2\n' } }] } }, ['- [x] T001 Write one', '- [ ] T002 Write two'])
  const { code, stderr } = await world.belay(['run'])
  expect(code, stderr).toBe(0)
  expect(await tasks(world)).toBe('T001 done, T002 done')
  expect(prompts(world, 'implementer')).toHaveLength(1)
  expect(
    world
      .log()
      .map(({ trailers }) => trailers['Belay-Task'])
      .filter(Boolean),
  ).toEqual(['T002'])
})

it('blocked, replan and skipped say why, each in its own event', async () => {
  start(
    {
      implementer: {
        T001: [{ answer: { status: 'blocked', unresolvedItems: ['a key'] } }],
        T002: [{ files: { 'two.txt': '2\n' } }],
      },
      reviewer: { T002: [{ answer: { verdict: 'replan', summary: 'two is no task' } }] },
    },
    ['- [ ] T001 [P] Write one', '- [ ] T002 [P] Write two', '- [ ] T003 Write three'],
  )
  expect((await world.belay(['run'])).code).toBe(3)
  const said = (await events(world)).filter(({ type }) => /^task\.(blocked|replan|skipped)$/.test(type))
  expect(said.map(({ type, task, data }) => [type, task, (data as { reason: { code: string } }).reason.code])).toEqual(
    expect.arrayContaining([
      ['task.blocked', 'T001', 'agent_blocked'],
      ['task.replan', 'T002', expect.stringMatching(/replan/) as string],
      ['task.skipped', 'T003', 'dependency'],
    ]),
  )
  const reasons = said.map(({ data }) => (data as { reason: { message: string } }).reason.message).join('\n')
  expect(reasons).toContain('a key')
  expect(reasons).toContain('two is no task')
})
