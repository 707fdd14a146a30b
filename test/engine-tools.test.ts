import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Step } from './support/model-server/index.ts'
import { HOST, MODEL, model, say, scripted, world } from './support/model-world.ts'

type Call = readonly [name: string, input: Record<string, unknown>]

/** Runs `belay exec` with an agent that makes these calls in order; returns what the model got as the result of each. */
async function exec(
  calls: readonly Call[],
  ...args: readonly string[]
): Promise<{ answers: string[]; stderr: string; first: string }> {
  const steps: Step[] = calls.map(([name, input]) => ({ reply: { calls: [{ name, input }] } }))
  const { requests } = await scripted(...steps, say('done'))
  const { code, stdout, stderr } = await world.belay(['exec', 'work', ...MODEL, ...args])
  expect([code, stdout]).toEqual([0, 'done\n'])
  const texts = requests.map(({ text }) => text)
  // Every request repeats the conversation: what is new in it is the answer to the last call.
  const answers = texts.slice(1).map((text, i) => {
    const before = texts[i] ?? ''
    let at = 0
    while (at < before.length && before[at] === text[at]) at += 1
    return text.slice(at)
  })
  return { answers, stderr, first: texts[0] ?? '' }
}

const MCP_SERVER = `
const { createInterface } = require('node:readline')
const answer = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (method === 'initialize') answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'm', version: '1' } })
  if (method === 'tools/list') answer(id, { tools: [
    { name: 'look', inputSchema: { type: 'object', properties: { at: { type: 'string' } } }, annotations: { readOnlyHint: true } },
    { name: 'change', inputSchema: { type: 'object' } } ] })
  if (method === 'tools/call') answer(id, { content: [{ type: 'text', text: params.name + ' saw ' + JSON.stringify(params.arguments) + ' key ' + process.env.ANTHROPIC_API_KEY }] })
})
`

/** Has one tool, which replaces itself when it is called. */
const CHANGING_SERVER = `
const { createInterface } = require('node:readline')
const write = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const answer = (id, result) => write({ id, result })
let name = 'first'
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (method === 'initialize') answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: { listChanged: true } }, serverInfo: { name: 'm', version: '1' } })
  if (method === 'tools/list') answer(id, { tools: [{ name, inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] })
  if (method === 'tools/call') {
    name = 'second'
    if (params.name === 'first') write({ method: 'notifications/tools/list_changed' })
    answer(id, { content: [{ type: 'text', text: params.name + ' was called' }] })
  }
})
`

describe.each(['host', 'os'])('the tools of the engine, through belay exec (%s)', (sandbox) => {
  it('all of them work together in one conversation', async () => {
    world.files({
      'src/a.ts': 'export const answer = 41\n',
      'src/b.ts': 'import { answer } from "./a.ts"\n',
      '.gitignore': 'dist/\n',
      'dist/a.js': 'answer',
    })
    world.commit()
    const { answers, first } = await exec(
      [
        ['glob', { pattern: '**/*.{ts,js}' }],
        ['grep', { pattern: 'answer\\b', include: '*.ts' }],
        ['read', { file_path: 'src/a.ts' }],
        ['edit', { file_path: 'src/a.ts', old_string: '41', new_string: '42' }],
        ['write', { file_path: 'new/c.ts', content: 'c\n' }],
        ['bash', { command: 'cat src/a.ts; pwd', workdir: 'src' }],
        ['git_status', {}],
        ['git_diff', { file: 'src/a.ts' }],
        ['git_log', { count: 1 }],
        ['task_create', { subject: 'Check the answer' }],
        ['task_update', { task_id: '1', status: 'completed' }],
        ['task_list', {}],
        ['bash', { command: 'seq 1 20000' }],
      ],
      '--sandbox',
      sandbox,
      '--session',
      's',
    )
    expect(first).toContain('work')
    expect(answers[0]).toMatch(/src\/[ab]\.ts\\?n?[\s\S]*src\/[ab]\.ts/)
    expect(answers[0]).not.toContain('dist')
    expect(answers[1]).toContain('1: export const answer = 41')
    expect(answers[2]).toContain('1\texport const answer = 41')
    expect(answers[3]).toContain('replaced once in src/a.ts')
    expect(answers[4]).toContain('made new/c.ts')
    expect(answers[6]).toMatch(/branch \w+[\s\S]*src\/a\.ts[\s\S]*new\/c\.ts/)
    expect(answers[7]).toContain('+export const answer = 42')
    expect(answers[9]).toContain('task 1 was added')
    expect(answers[11]).toContain('[x] 1: Check the answer')
    expect(world.read('src/a.ts')).toBe('export const answer = 42\n')
    expect(world.read('new/c.ts')).toBe('c\n')
    const kept = /the whole output is in (\S+\.txt)/.exec(answers[12] ?? '')?.[1] ?? ''
    expect(existsSync(kept)).toBe(true)
    // The next turn of the session reads what was kept, and has the same task list.
    const next = await exec(
      [
        ['read', { file_path: kept, offset: 10_000, limit: 1 }],
        ['task_list', {}],
      ],
      '--sandbox',
      sandbox,
      '--session',
      's',
    )
    expect(next.answers[0]).toContain('10000\t10000')
    expect(next.answers[1]).toContain('[x] 1: Check the answer')
  })

  it('nothing leads out of the workspace, into git or to secrets', async () => {
    world.files({ '.env': 'TOKEN=topsecret\n', '../outside/x.txt': 'hidden\n' }).commit()
    symlinkSync('../outside', join(world.repo, 'link'))
    symlinkSync('.env', join(world.repo, 'notes'))
    const { answers, stderr } = await exec(
      [
        ['read', { file_path: '../outside/x.txt' }],
        ['read', { file_path: 'notes' }],
        ['read', { file_path: 'link/x.txt' }],
        ['write', { file_path: 'link/y.txt', content: 'y' }],
        ['read', { file_path: '.env' }],
        ['grep', { pattern: 'topsecret' }],
        ['write', { file_path: '.git/hooks/pre-commit', content: 'x' }],
        ['edit', { file_path: '.git/HEAD', old_string: 'ref', new_string: 'x' }],
      ],
      '--sandbox',
      sandbox,
    )
    for (const i of [0, 2, 3]) expect(answers[i]).toContain('outside of the workspace')
    expect(answers[1]).toContain('ask for that one by its own path')
    expect(answers[4]).toContain('secrets')
    expect(answers[4]).toContain('nobody is there')
    expect(answers[5]).toContain('look secret were left out')
    for (const i of [6, 7]) expect(answers[i]).toContain('use git commands')
    expect(answers.join('')).not.toContain('topsecret\\n')
    expect(answers.join('')).not.toContain('hidden')
    expect(existsSync(join(world.repo, '../outside/y.txt'))).toBe(false)
    expect(stderr).toContain('.env')
  })

  it('MCP servers of the repository and skills are tools; what may change something is asked for', async () => {
    world.files({
      '.belay/mcp.json': JSON.stringify({
        mcpServers: {
          files: { command: 'node', args: ['server.cjs'] },
          ...(sandbox === 'os' ? { away: { url: 'https://mcp.example.com/' } } : {}),
        },
      }),
      'server.cjs': MCP_SERVER,
      '.belay/skills/release/SKILL.md': '---\nname: release\ndescription: How to release.\n---\nFirst the changelog.\n',
      '.belay/skills/release/list.md': 'x',
    })
    world.commit()
    const { answers, first, stderr } = await exec(
      [
        ['mcp__files__look', { at: 'here' }],
        ['mcp__files__change', {}],
        ['skill', { name: 'release' }],
      ],
      '--sandbox',
      sandbox,
    )
    expect(first).toContain('How to release.')
    expect([answers[0], stderr]).toEqual([expect.stringContaining('look saw'), expect.anything()])
    expect(answers[0]).toContain('key undefined')
    expect(answers[1]).toContain('nobody is there')
    expect(answers[2]).toContain('First the changelog.')
    expect(answers[2]).toContain('list.md')
    if (sandbox === 'os') expect(stderr).toContain("the sandbox's network does not reach mcp.example.com")
  })
})

describe('before anything is started', () => {
  const flags = [...MODEL, ...HOST] as const

  it('tools that an MCP server has others of in the middle of a turn are there in the next step, and named', async () => {
    world.files({
      '.belay/mcp.json': JSON.stringify({ mcpServers: { files: { command: 'node', args: ['server.cjs'] } } }),
      'server.cjs': CHANGING_SERVER,
    })
    world.commit()
    const { answers, stderr } = await exec(
      [
        ['mcp__files__first', {}],
        ['mcp__files__second', {}],
        ['mcp__files__first', {}],
      ],
      '--sandbox',
      'host',
    )
    expect(model?.requests.map(({ tools }) => tools.filter((name) => name.startsWith('mcp__')))).toEqual([
      ['mcp__files__first'],
      ['mcp__files__second'],
      ['mcp__files__second'],
      ['mcp__files__second'],
    ])
    expect(answers[0]).toContain(
      'The tools of MCP servers have changed. Gone: mcp__files__first. New: mcp__files__second.',
    )
    expect(answers[1]).toContain('second was called')
    expect(answers[2]).toContain('There is no tool "mcp__files__first".')
    expect(stderr).not.toContain('was left out')
  })

  it('an mcp.json that is wrong is refused, and the key named', async () => {
    await scripted()
    world.files({ '.belay/mcp.json': '{"mcpServers":{"a":{"comand":"x"}}}' }).commit()
    const { code, stderr } = await world.belay(['exec', 'x', ...flags])
    expect([code, stderr]).toEqual([2, expect.stringContaining('mcpServers.a.command')])
    expect(model?.requests).toEqual([])
  })

  it('a definition has only the tools that it names, MCP tools among them; a name that no tool has is refused', async () => {
    await scripted({ reply: { say: 'done' } })
    world.files({
      '.belay/mcp.json': JSON.stringify({ mcpServers: { files: { command: 'node', args: ['server.cjs'] } } }),
      'server.cjs': MCP_SERVER,
      '.belay/agents/small.md': '---\ndescription: d\ntools: [read, mcp__files__look]\n---\nBe brief.\n',
      '.belay/agents/wrong.md': '---\ndescription: d\ntools: [reed]\n---\nBe brief.\n',
    })
    world.commit()
    expect((await world.belay(['exec', 'x', '--definition', 'small', ...flags])).code).toBe(0)
    expect(model?.requests[0]?.tools).toEqual(['read', 'mcp__files__look'])
    const { code, stderr } = await world.belay(['exec', 'x', '--definition', 'wrong', ...flags])
    expect([code, stderr]).toEqual([2, expect.stringContaining('did you mean read?')])
    expect(model?.requests).toHaveLength(1)
  })
})
