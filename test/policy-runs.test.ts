/** The policy of belay.yaml, as the engine applies it in a whole run. */
import { expect, it } from 'vitest'
import { implemented } from './support/answers.ts'
import { bash, reach, say, serve, world } from './support/model-world.ts'

it('a command that policy.commands denies is not run by the implementer, and it is told why', async () => {
  const model = await serve({
    steps: [
      bash('echo 42 > answer.txt && touch "$HOME/deployed"'),
      bash('echo 42 > answer.txt'),
      say(JSON.stringify(implemented('T001'))),
    ],
    isSide: () => false,
  })
  reach(world, model)
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
