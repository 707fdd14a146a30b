/** Belay's own agent in a whole run: it implements, another of its models reviews, and the commit lands. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { implemented, passes } from './support/answers.ts'
import type { Reply, Route } from './support/model-server/index.ts'
import { model, reach, serve, world } from './support/model-world.ts'
import type { World } from './support/world.ts'

const IMPLEMENTED = implemented('T001')
const PASSES = passes('T001', 'Write answer.txt')

function writer(steps: Route['steps']): Route {
  return { name: 'writer', when: ({ api }) => api === 'anthropic', steps }
}

function reader(steps: Route['steps']): Route {
  return { name: 'reader', when: ({ api }) => api === 'openai', steps }
}

async function open(routes: readonly Route[], more = ''): Promise<World> {
  const server = await serve({ routes, isSide: () => false })
  reach(world, server)
  Object.assign(world.env, { OPENAI_BASE_URL: `${server.url}/v1`, OPENAI_API_KEY: 'scripted' })
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

/** Pids of programs whose command line holds `text`. */
function processesOf(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && commandOf(pid).includes(text))
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}

describe('belay run with the engine', () => {
  it('writes, reviews and lands a task, and keeps both conversations as sessions', async () => {
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

  it('goes on in the same conversation when the gate fails', async () => {
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

  it('goes on after kill -9 in the middle of a call, in the conversation as it was', async () => {
    const here = await open([
      writer([
        { reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '41\n' } }] } },
        { reply: { say: JSON.stringify(IMPLEMENTED) } },
        { reply: { calls: [{ name: 'bash', input: { command: 'echo half > half.txt; sleep 1000' } }] } },
        {
          reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '42\n' } }] },
          expect: ({ messages }) => {
            expect(messages.some(({ role, text }) => role === 'tool' && text.includes('was interrupted'))).toBe(true)
          },
        },
        { reply: { say: JSON.stringify(IMPLEMENTED) } },
      ]),
      reader([{ reply: { say: JSON.stringify(PASSES) } }]),
    ])
    here.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
    const belay = here.start(['run'])
    belay.stdin?.end()
    const gone = once(belay, 'exit')
    await model?.reached(2)
    while (processesOf('half.txt; sleep').length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    belay.kill('SIGKILL')
    await gone
    const resumed = await here.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(processesOf('half.txt; sleep')).toEqual([])
    expect(here.read('answer.txt')).toBe('42\n')
    expect(here.has('half.txt')).toBe(false)
  })

  it(
    'leaves with 5 and the time when the quota is used up, and goes on with the same conversation',
    { timeout: 60_000 },
    async () => {
      const body = { type: 'error', error: { type: 'rate_limit_error', message: 'usage limit reached' } }
      let reset = 0
      const used = (): Reply => {
        reset = Math.floor(Date.now() / 1000) + 4
        const headers = {
          'anthropic-ratelimit-unified-status': 'rejected',
          'anthropic-ratelimit-unified-reset': String(reset),
        }
        return { status: 429, headers, body }
      }
      const here = await open([
        writer([
          { reply: used },
          { reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '42\n' } }] } },
          { reply: { say: JSON.stringify(IMPLEMENTED) } },
        ]),
        reader([{ reply: { say: JSON.stringify(PASSES) } }]),
      ])
      here.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
      const left = await here.belay(['run', '--no-wait'])
      expect(left.code, left.stderr).toBe(5)
      expect(left.stderr).toContain(new Date(reset * 1000).toISOString())
      const resumed = await here.belay(['resume'])
      expect(resumed.code, resumed.stderr).toBe(0)
      expect(Date.now()).toBeGreaterThanOrEqual(reset * 1000)
      expect(here.read('answer.txt')).toBe('42\n')
    },
  )

  it('runs its commands where the role says, and by the rules of the configuration', async () => {
    const here = await open(
      [
        writer([
          { reply: { calls: [{ name: 'bash', input: { command: 'echo here' } }] } },
          { reply: { calls: [{ name: 'bash', input: { command: 'lolcat x' } }] } },
          { reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '42\n' } }] } },
          { reply: { say: JSON.stringify(IMPLEMENTED) } },
        ]),
        reader([{ reply: { say: JSON.stringify(PASSES) } }]),
      ],
      'policy: {commands: {deny: ["lolcat"]}}',
    )
    const config = here.read('belay.yaml').replace('claude-sonnet-5}', 'claude-sonnet-5, sandbox: host}')
    here.files({ 'belay.yaml': config })
    here.feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
    const result = await here.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    expect(model?.requests[0]?.text).toContain('Commands run in: no sandbox.')
    expect(model?.requests[2]?.text).toMatch(/It was not run: .*lolcat/)
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
