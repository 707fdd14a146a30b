/** The policy of belay.yaml, as the engine keeps to it in a whole run. */
import { afterEach, expect, it } from 'vitest'
import { startModelServer, type ModelServer } from './support/model-server/index.ts'
import { World } from './support/world.ts'

let world: World | undefined
let model: ModelServer | undefined
afterEach(async () => {
  await model?.close()
  world?.dispose()
})

const IMPLEMENTED = {
  taskHandle: 'T001',
  summary: 'Wrote it.',
  status: 'implemented',
  assumptions: [],
  notes: [],
  unresolvedItems: [],
  needsHumanAttention: false,
}

it('a command that policy.commands denies is not run by the implementer, and it is told why', async () => {
  model = await startModelServer({
    routes: [
      {
        name: 'writer',
        when: ({ api }) => api === 'anthropic',
        steps: [
          {
            reply: { calls: [{ name: 'bash', input: { command: 'echo 42 > answer.txt && touch "$HOME/deployed"' } }] },
          },
          { reply: { calls: [{ name: 'bash', input: { command: 'echo 42 > answer.txt' } }] } },
          { reply: { say: JSON.stringify(IMPLEMENTED) } },
        ],
      },
    ],
    isSide: () => false,
  })
  world = new World()
  Object.assign(world.env, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted' })
  world.config('policy: {commands: {deny: ["touch"]}}\n')
  const roles = world
    .read('belay.yaml')
    .replace(/implementer: .*/, 'implementer: {provider: engine, model: anthropic/claude-sonnet-5}')
  world.files({ 'belay.yaml': roles }).feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
  const { code, stderr } = await world.belay(['run'])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const [, second] = model.requests
  expect(second?.text).toContain('policy/deny-1')
  expect(world.read('answer.txt')).toBe('42\n')
})
