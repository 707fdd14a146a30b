/** Belay's own agent in a whole run: it writes, another model of it reviews, the commit lands. */
import { afterEach, describe, expect, it } from 'vitest'
import { startModelServer, type ModelServer, type Route } from './support/model-server/index.ts'
import { World } from './support/world.ts'

let world: World | undefined
let model: ModelServer | undefined
afterEach(async () => {
  await model?.close()
  model = undefined
  world?.dispose()
  world = undefined
})

const IMPLEMENTED = {
  taskHandle: 'T001',
  summary: 'Wrote the answer.',
  status: 'implemented',
  assumptions: [],
  notes: [],
  unresolvedItems: [],
  needsHumanAttention: false,
}

const PASSES = {
  taskHandle: 'T001',
  summary: 'It is right.',
  verdict: 'pass',
  overallRisk: 'low',
  findings: [],
  acceptanceChecks: [{ criterion: 'Write answer.txt', note: 'read it', status: 'pass' }],
}

function writer(steps: Route['steps']): Route {
  return { name: 'writer', when: ({ api }) => api === 'anthropic', steps }
}

function reader(steps: Route['steps']): Route {
  return { name: 'reader', when: ({ api }) => api === 'openai', steps }
}

async function open(routes: readonly Route[], more = ''): Promise<World> {
  model = await startModelServer({ routes, isSide: () => false })
  world = new World()
  Object.assign(world.env, {
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'scripted',
    OPENAI_BASE_URL: `${model.url}/v1`,
    OPENAI_API_KEY: 'scripted',
  })
  return world.files({
    'AGENTS.md': 'Answers are numbers.\n',
    '.belay/skills/answers/SKILL.md': '---\nname: answers\ndescription: how to find an answer\n---\nThink deeply.\n',
    'belay.yaml': [
      'verify:',
      '  commands: [{name: look, run: "test ! -e answer.txt || grep -q 42 answer.txt"}]',
      more,
      'workflow:',
      '  roles:',
      '    implementer: {provider: engine, model: anthropic/claude-sonnet-5}',
      '    reviewer: {provider: engine, model: openai/gpt-5.4, effort: high}',
      '',
    ].join('\n'),
  })
}

describe('belay run with the engine', () => {
  it('writes, reviews and lands a task, and keeps both conversations as sessions', { timeout: 60_000 }, async () => {
    const here = await open([
      writer([
        { reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '42\n' } }] } },
        { reply: { calls: [{ name: 'bash', input: { command: 'cat answer.txt; echo "key=$ANTHROPIC_API_KEY"' } }] } },
        { reply: { say: JSON.stringify(IMPLEMENTED) } },
      ]),
      reader([
        { reply: { calls: [{ name: 'write', input: { file_path: 'sneaky.txt', content: 'x' } }] } },
        { reply: { say: JSON.stringify(PASSES) } },
      ]),
    ])
    here.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
    const result = await here.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    expect(here.read('answer.txt')).toBe('42\n')
    expect(here.has('sneaky.txt')).toBe(false)
    expect(here.git('log', '-1', '--format=%B')).toContain(
      'Belay-Agent: implementer=engine/anthropic/claude-sonnet-5, reviewer=engine/openai/gpt-5.4',
    )

    const [first, second, third, review] = model?.requests ?? []
    // Memory, skills and the form of the answer reach the model.
    expect(first?.text).toContain('Answers are numbers.')
    expect(first?.text).toMatch(/answers: how to find an answer\n.*SKILL\.md/)
    expect(first?.text).not.toContain('Think deeply.')
    expect(first?.text).toContain('taskHandle')
    expect(first?.tools).toEqual(expect.arrayContaining(['bash', 'read', 'write', 'edit']))
    // The task is in every request; the model's key is in no command's environment.
    for (const request of [first, second, third]) expect(request?.text).toContain('Write answer.txt')
    expect(third?.text).toContain('42\nkey=')
    expect(third?.text).not.toContain('key=scripted')
    expect(review).toMatchObject({ model: 'gpt-5.4', effort: 'high' })

    const { tasks } = await here.json<{ tasks: { cost_usd: number | null }[] }>(['status'])
    expect(tasks[0]?.cost_usd).toBeGreaterThan(0)
  })

  it('goes on in the same conversation when the gate fails', { timeout: 60_000 }, async () => {
    const here = await open([
      writer([
        { reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '41\n' } }] } },
        { reply: { say: JSON.stringify(IMPLEMENTED) } },
        {
          reply: { calls: [{ name: 'edit', input: { file_path: 'answer.txt', old_string: '41', new_string: '42' } }] },
          expect: ({ messages }) => {
            expect(messages.filter(({ role }) => role === 'user').length).toBeGreaterThan(1)
            expect(messages.some(({ role, text }) => role === 'assistant' && text.includes('write('))).toBe(true)
          },
        },
        { reply: { say: JSON.stringify(IMPLEMENTED) } },
      ]),
      reader([{ reply: { say: JSON.stringify(PASSES) } }]),
    ])
    here.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
    const result = await here.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    expect(here.read('answer.txt')).toBe('42\n')
  })

  it('says which models there are when there is none of that name, before anything is spent', async () => {
    const here = await open([])
    here.files({ 'belay.yaml': here.read('belay.yaml').replace('anthropic/claude-sonnet-5', 'antropic/x') })
    here.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
    const result = await here.belay(['run'])
    expect(result.code).not.toBe(0)
    expect(result.stderr).toContain('there is no model provider "antropic"')
    expect(result.stderr).toContain('anthropic/x')
  })
})
