import { existsSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { World } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

it('belay run --dry-run --json has the keys of belay.yaml, and of variables only the names', async () => {
  world = new World()
  const role = '{provider: command, command: [sh, -c, "exit 1"], timeout: 20m, env: {SERVICE_KEY: in-the-file}}'
  world
    .files({
      'belay.yaml': `verify:\n  commands: [{run: "true", name: yes, timeout: 30s, min_tests: 2}]\nbudget: {unknown_cost: allow}\nworkflow:\n  roles:\n    implementer: ${role}\n    reviewer: ${role}\n`,
    })
    .feature('001-x', ['- [ ] T001 A', '- [ ] T002 B'])
    .commit()
  const { stdout, code } = await world.belay(['run', '--dry-run', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    tasks: [
      { handle: 'T001', depends_on: [] },
      { handle: 'T002', depends_on: [{ handle: 'T001' }] },
    ],
    agents: {
      implementer: { provider: 'command', timeout_ms: 1_200_000, access: 'workspace-write', env: ['SERVICE_KEY'] },
    },
    gates: [{ name: 'yes', timeout_ms: 30_000, min_tests: 2 }],
    limits: { max_iterations: 5, concurrency: 1, budget: { unknown_cost: 'allow' } },
  })
  expect(stdout).not.toContain('in-the-file')
  expect(stdout).not.toMatch(/"[a-z]+[A-Z][A-Za-z]*":/)
  expect(existsSync(world.home)).toBe(false)
})
