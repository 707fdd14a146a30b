/** Hooks of an agent definition: they see each call, can tighten the policy, and are never dropped. */
import { expect, it } from 'vitest'
import type { Step } from './support/model-server/index.ts'
import { HOST, MODEL, bash, model, scripted, world } from './support/model-world.ts'
import type { Result } from './support/world.ts'

/** One turn of an agent with these hooks, that makes these calls. */
async function turn(hooks: unknown, ...steps: readonly Step[]): Promise<Result> {
  world.files({ '.belay/agents/guarded.md': `---\n${JSON.stringify({ hooks })}\n---\nYou work.\n` })
  await scripted(...steps)
  return world.belay(['exec', 'work', '--definition', 'guarded', ...MODEL, ...HOST])
}

const done: Step = { reply: { say: 'done' } }
const script = (text: string): string => `cat > hook.in.json; ${text}`
const deny = `echo '{"decision":"deny","reason":"not on a Friday"}'`

it('deny a call, with a reason for the model and for people', async () => {
  const { code, stderr } = await turn({ before: [{ run: script(deny), tools: ['bash'] }] }, bash('touch made'), done)
  expect(code).toBe(0)
  expect(world.has('made')).toBe(false)
  expect(model?.requests[1]?.text).toContain('It was not run: not on a Friday')
  expect(stderr).toContain('not on a Friday')
  expect(JSON.parse(world.read('hook.in.json'))).toEqual({
    event: 'before',
    tool: 'bash',
    input: expect.objectContaining({ command: 'touch made' }),
    title: 'bash: touch made',
    workspace: world.repo,
  })
})

it('see only the tools that they are for', async () => {
  const write: Step = { reply: { calls: [{ name: 'write', input: { file_path: 'made', content: 'x' } }] } }
  await turn({ before: [{ run: deny, tools: ['bash', 'git_*'] }] }, write, done)
  expect(world.read('made')).toBe('x')
})

it('may leave a call to a person, whom nobody is', async () => {
  await turn({ before: [{ run: `echo '{"decision":"ask","reason":"is it time?"}'` }] }, bash('touch made'), done)
  expect(world.has('made')).toBe(false)
  expect(model?.requests[1]?.text).toMatch(/is it time\?.*nobody is there/)
})

it('cannot loosen what policy says', async () => {
  const allow = `echo '{"decision":"allow"}'`
  await turn({ before: [{ run: allow }] }, bash('git push --force origin main'), bash('touch made'), done)
  expect(model?.requests[1]?.text).toContain('builtin/git-push-force')
  expect(world.has('made')).toBe(true)
})

it.each([
  ['fails', 'echo broken >&2; exit 3', 'it ended with exit status 3: broken'],
  ['is not there', './no-such-guard', 'it ended with exit status 127'],
  ['is killed', 'kill -9 $$', 'it ended with'],
  ['answers nonsense', 'echo no', 'its answer is no JSON'],
  ['answers without a decision', 'echo "{}"', 'its answer has no decision (allow, ask or deny)'],
  ['answers without end', 'yes | head -c 200000', 'it said more than 64000 bytes'],
])('one that %s denies', async (_, run, said) => {
  await turn({ before: [{ run }] }, bash('touch made'), done)
  expect(world.has('made')).toBe(false)
  expect(model?.requests[1]?.text).toContain(said)
})

it('one that takes too long denies, and is ended with what it started', async () => {
  await turn({ before: [{ run: 'sleep 600 & sleep 600', timeout: '300ms' }] }, bash('touch made'), done)
  expect(world.has('made')).toBe(false)
  expect(model?.requests[1]?.text).toContain('it took longer than 300 ms')
})

it('are told what came of a call; one that fails then is a warning', async () => {
  const hooks = { after: [{ run: script('true'), tools: ['bash'] }, { run: 'exit 4' }] }
  const { code, stderr } = await turn(hooks, bash('echo hi; exit 5'), done)
  expect(code).toBe(0)
  expect(JSON.parse(world.read('hook.in.json'))).toMatchObject({
    event: 'after',
    tool: 'bash',
    result: { exit_code: 5, text: expect.stringContaining('hi\n') },
  })
  expect(stderr).toContain('note: hook "exit 4": it ended with exit status 4')
})

it.each([
  [{ before: [{ run: 'true', tools: ['bsh'] }] }, 'there is no tool "bsh"'],
  [{ before: [{ tools: ['bash'] }] }, 'hooks.before.0.run'],
  [{ before: [{ run: 'true', timeout: 5 }] }, 'hooks.before.0.timeout'],
  [{ befor: [] }, 'hooks'],
])('a slip in them is an error before anything is spent: %j', async (hooks, said) => {
  const { code, stderr } = await turn(hooks)
  expect(code).toBe(2)
  expect(stderr).toContain(said)
  expect(stderr).toContain('[agent_definition_invalid]')
})
