import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MARK, findWith } from '../../../process/index.ts'
import type { ToolContext, ToolResult } from '../../port.ts'
import { toolSchema } from '../schema.ts'
import { call, makeBench, type Bench } from '../testing/context.ts'
import { createTools } from '../registry.ts'
import { loadMcpServers, parseMcpFile, type HttpServer, type McpServer, type StdioServer } from './config.ts'
import { connectMcp, type McpTools } from './index.ts'
import { testServer } from './testing/server.ts'

const PROGRAM = fileURLToPath(new URL('testing/server.ts', import.meta.url))

let bench: Bench
let open: McpTools[]
beforeEach(() => {
  bench = makeBench('mcp')
  open = []
})
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()))
  expect(ofThisTest()).toEqual([])
  bench.remove()
})

const ofThisTest = (): number[] => findWith(MARK, (value) => value === bench.context.mark)

const stdio: StdioServer = {
  kind: 'stdio',
  name: 'test',
  source: 'mcp.json',
  trusted: true,
  timeoutMs: 20_000,
  allow: [],
  command: process.execPath,
  args: [PROGRAM],
  env: { GIVEN: 'yes' },
  cwd: '.',
}

async function connected(servers: readonly McpServer[] = [stdio], context = bench.context): Promise<McpTools> {
  const tools = await connectMcp(servers, context)
  open.push(tools)
  return tools
}

async function use(
  mcp: McpTools,
  name: string,
  input: unknown = {},
  context: ToolContext = bench.context,
): Promise<ToolResult> {
  const tool = mcp.tools.find((one) => one.name === `mcp__test__${name}`)
  if (!tool) throw new Error(`${name} is not among ${mcp.tools.map((one) => one.name).join(', ')}`)
  return call(tool, input, context)
}

/** A server that stops reading once it has listed its tools, and keeps sending requests. */
const ASKS_AND_DOES_NOT_READ = `
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const lines = require('node:readline').createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  const { protocolVersion } = params ?? {}
  if (method === 'initialize') say({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 't', version: '1' } } })
  if (method !== 'tools/list') return
  say({ id, result: { tools: [{ name: 'take', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] } })
  process.stdin.pause()
  setInterval(() => say({ id: 'p' + Math.random(), method: 'ping' }), 5)
})`

/** A server that dies in its first call. When it is started again, it first does what `again` says, and refuses calls. */
const diesOnce = (again = ''): string => `
const { existsSync, writeFileSync } = require('node:fs')
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n')
const lines = require('node:readline').createInterface({ input: process.stdin })
const isAgain = existsSync('died')
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (isAgain) { ${again} }
  const { protocolVersion } = params ?? {}
  if (method === 'initialize') say({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 't', version: '1' } } })
  if (method === 'tools/list') say({ id, result: { tools: [{ name: 'take', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] } })
  if (method !== 'tools/call') return
  if (isAgain) return say({ id, error: { code: -32000, message: 'not now' } })
  writeFileSync('died', '')
  process.stderr.write('first words', () => process.exit(3))
})`

describe('MCP servers on stdio', () => {
  it('may ask for something while they are ended: nobody answers, and nothing breaks', async () => {
    const mcp = await connected([{ ...stdio, args: ['-e', ASKS_AND_DOES_NOT_READ] }])
    expect(mcp.problems).toEqual([])
    const stop = new AbortController()
    const context = { ...bench.context, signal: stop.signal }
    const calling = use(mcp, 'take', { text: 'x'.repeat(2 << 20) }, context).catch(() => {})
    const unheard: unknown[] = []
    const hear = (error: unknown): void => void unheard.push(error)
    process.on('uncaughtException', hear)
    try {
      await new Promise((resolve) => setImmediate(resolve))
      stop.abort()
      await calling
      await mcp.close()
      expect(unheard).toEqual([])
    } finally {
      process.off('uncaughtException', hear)
    }
  })

  it('become tools with their own schema, run in the sandbox with its environment and folder', async () => {
    process.env['BELAY_TEST_LEAK'] = 'leaked'
    const mcp = await connected()
    delete process.env['BELAY_TEST_LEAK']
    expect(mcp.problems).toEqual([])
    const echo = mcp.tools.find(({ name }) => name === 'mcp__test__echo')
    expect(echo && toolSchema(echo)).toMatchObject({
      type: 'object',
      properties: { text: { type: 'string' } },
      required: ['text'],
    })
    expect(echo?.description).toContain('Says it again.')
    expect(echo?.input.safeParse('text').success).toBe(false)
    expect(await use(mcp, 'echo', { text: 'hello' })).toMatchObject({ text: 'echo: hello', isError: false })
    expect((await use(mcp, 'env')).text).toBe(`yes ${bench.workspace} undefined`)
  })

  it('takes its place in the registry', async () => {
    const mcp = await connected()
    const names = createTools({ more: mcp.tools, allow: ['read', 'mcp__test__*'] }).map(({ name }) => name)
    expect(names).toContain('mcp__test__echo')
    expect(names).not.toContain('bash')
  })

  it('asks before what is not said to be read-only, unless the user allowed it', async () => {
    const demands = async (server: McpServer): Promise<unknown> => {
      const mcp = await connected([server])
      const change = mcp.tools.find(({ name }) => name === 'mcp__test__change')
      const echo = mcp.tools.find(({ name }) => name === 'mcp__test__echo')
      return [
        (await change?.demand({}, bench.context))?.decision,
        change?.effect,
        (await echo?.demand({}, bench.context))?.decision,
        echo?.effect,
      ]
    }
    expect(await demands(stdio)).toEqual(['ask', 'write', 'allow', 'read'])
    expect(await demands({ ...stdio, allow: ['change'] })).toEqual(['allow', 'write', 'allow', 'read'])
    expect(await demands({ ...stdio, allow: ['*'] })).toEqual(['allow', 'write', 'allow', 'read'])
  })

  it('names what is no text, says failures, and cuts long answers', async () => {
    const mcp = await connected()
    expect((await use(mcp, 'image')).text).toBe('[image (image/png), 8 characters of base64: not shown]')
    expect((await use(mcp, 'structured')).text).toBe('{"n":1}')
    expect(await use(mcp, 'fails')).toMatchObject({ text: 'it went wrong', isError: true })
    const long = await use(mcp, 'long')
    expect(long.text.length).toBeLessThan(31_000)
    expect(long.text).toContain(`the whole output is in ${long.fullOutput ?? 'nothing'}`)
    expect((await use(mcp, 'noise')).text).toBe('quiet')
    expect(await use(mcp, 'echo', { text: 5 })).toMatchObject({ isError: true })
  })

  it('gives names that every provider takes', async () => {
    const mcp = await connected()
    for (const { name } of mcp.tools) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    const long = mcp.tools.find(({ name }) => name.startsWith('mcp__test__a_long_name'))
    expect(long && (await call(long, {}, bench.context)).text).toBe('long name')
  })

  it('ends a call at its timeout or when aborted; the server goes on', async () => {
    const mcp = await connected([{ ...stdio, timeoutMs: 5000 }])
    const late = await use(mcp, 'hangs')
    expect(late).toMatchObject({ isError: true })
    expect(late.text).toMatch(/the MCP server test did not answer hangs: .*timed out/i)
    const abort = new AbortController()
    const running = use(mcp, 'hangs', {}, bench.with({ signal: abort.signal }))
    abort.abort(new Error('stop'))
    expect((await running).isError).toBe(true)
    expect((await use(mcp, 'echo', { text: 'still there' })).text).toBe('echo: still there')
  })

  it('says when the server dies in a call, with its last words, and starts it again for the next', async () => {
    const mcp = await connected()
    const first = (await use(mcp, 'pid')).text
    const died = await use(mcp, 'dies')
    expect(died).toMatchObject({ isError: true })
    expect(died.text).toContain('the MCP server test did not answer dies')
    expect(died.text).toContain('last words')
    const second = (await use(mcp, 'pid')).text
    expect(second).toMatch(/^\d+$/)
    expect(second).not.toBe(first)
    for (let i = 0; i < 3; i++) await use(mcp, 'dies')
    expect((await use(mcp, 'pid')).text).toContain('is not running: it ended 4 times')
  })

  it('an endless message ends the server, not Belay', async () => {
    const mcp = await connected()
    expect((await use(mcp, 'huge')).text).toContain('a message of more than')
    expect((await use(mcp, 'echo', { text: 'again' })).text).toBe('echo: again')
  })

  it('ends servers and what they left when it is closed', async () => {
    const mcp = await connected()
    await use(mcp, 'leaves')
    expect(ofThisTest()).not.toEqual([])
    await mcp.close()
    expect(ofThisTest()).toEqual([])
    await mcp.close()
    expect((await use(mcp, 'pid')).text).toContain('it was closed')
  })

  it('ends a server that is being started again when it is closed', async () => {
    const mcp = await connected([{ ...stdio, args: ['-e', diesOnce(`return writeFileSync('hanging', '')`)] }])
    expect(await use(mcp, 'take')).toMatchObject({ isError: true })
    const waiting = use(mcp, 'take')
    await vi.waitUntil(() => existsSync(join(bench.workspace, 'hanging')), { timeout: 20_000 })
    await mcp.close()
    expect(ofThisTest()).toEqual([])
    expect((await waiting).text).toContain('it was closed')
  })

  it('a server that was started again is not blamed for the last words of the one before it', async () => {
    const mcp = await connected([{ ...stdio, args: ['-e', diesOnce()] }])
    expect((await use(mcp, 'take')).text).toContain('it said: first words')
    const { text } = await use(mcp, 'take')
    expect(text).toContain('not now')
    expect(text).not.toContain('first words')
  })

  it('a server that cannot be started is a problem that says why, and keeps nothing else away', async () => {
    const mcp = await connected([
      { ...stdio, name: 'absent', command: 'no-such-program' },
      { ...stdio, name: 'broken', args: ['-e', 'console.error("no licence"); process.exit(1)'] },
      { ...stdio, name: 'away', cwd: '../outside' },
      stdio,
    ])
    expect(mcp.tools.length).toBeGreaterThan(5)
    expect(mcp.problems).toHaveLength(3)
    expect(mcp.problems[0]).toContain('the MCP server absent could not be started')
    expect(mcp.problems[1]).toContain('no licence')
    expect(mcp.problems[2]).toContain('outside of the workspace')
  })

  it('of the repository are judged as the commands that they are; those of the user are not', async () => {
    const careful: StdioServer = { ...stdio, env: {}, args: [...stdio.args, 'careful'] }
    const of = async (server: StdioServer): Promise<McpTools> => connected([server])
    expect((await of({ ...careful, trusted: false })).problems[0]).toContain('(mcp.json) was left out: ask: unconfined')
    expect((await of({ ...stdio, trusted: false, args: ['forbidden'] })).problems[0]).toContain('was left out: deny')
    expect((await of({ ...careful, trusted: true })).problems).toEqual([])
    expect((await of({ ...stdio, trusted: false })).problems).toEqual([])
  })

  it('two tools of the same name: the later is left out', async () => {
    const mcp = await connected([stdio, stdio])
    expect(mcp.problems[0]).toContain('another one has the same name')
  })
})

describe('MCP servers on HTTP', () => {
  let listening: Server
  let url: string
  const seen: string[] = []
  beforeEach(async () => {
    const handler = createMcpHandler(testServer)
    listening = createServer((request, response) => {
      void (async () => {
        seen.push(String(request.headers['authorization']))
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk as Buffer)
        const answer = await handler.fetch(
          new Request(`http://127.0.0.1${request.url}`, {
            method: request.method ?? 'GET',
            headers: Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string]),
            ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
          }),
        )
        response.writeHead(answer.status, Object.fromEntries(answer.headers))
        response.end(Buffer.from(await answer.arrayBuffer()))
      })()
    })
    await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/mcp`
  })
  afterEach(() => listening.close())

  const server = (): HttpServer => ({
    kind: 'http',
    name: 'test',
    source: 'mcp.json',
    trusted: false,
    timeoutMs: 20_000,
    allow: [],
    url,
    headers: { Authorization: 'Bearer t' },
  })

  it('are called with their headers', async () => {
    const mcp = await connected([server()], bench.with({}, { network: { mode: 'full' } }))
    expect(mcp.problems).toEqual([])
    expect((await use(mcp, 'echo', { text: 'far' })).text).toBe('echo: far')
    expect(new Set(seen)).toEqual(new Set(['Bearer t']))
  })

  it('of the repository are reached only where the sandbox would let its programs go; those of the user always', async () => {
    const network = async (mode: 'none' | 'full' | string[], trusted = false): Promise<boolean> => {
      const policy = typeof mode === 'string' ? { mode: mode as 'none' } : { mode: 'hosts' as const, hosts: mode }
      const mcp = await connected([{ ...server(), trusted }], bench.with({}, { network: policy }))
      return mcp.tools.length > 0
    }
    expect(await network('none')).toBe(false)
    expect(await network('none', true)).toBe(true)
    expect(await network(['example.com'])).toBe(false)
    expect(await network(['127.0.0.1'])).toBe(true)
    expect(await network(['*.0.0.1'])).toBe(true)
  })

  it('a server that is gone is a problem, and later an answer', async () => {
    const full = bench.with({}, { network: { mode: 'full' } })
    const mcp = await connected([server()], full)
    listening.closeAllConnections()
    await new Promise((done) => listening.close(done))
    expect((await use(mcp, 'pid')).text).toContain('did not answer pid')
    const late = await connected([server()], full)
    expect(late.problems[0]).toContain('could not be started')
  })
})

describe('mcp.json', () => {
  const parse = (data: unknown): McpServer[] =>
    parseMcpFile(typeof data === 'string' ? data : JSON.stringify(data), 'mcp.json', false, { HOST: 'example.com' })

  it('names servers, with variables and defaults', () => {
    expect(
      parse({
        mcpServers: {
          a: { command: 'prog', args: ['${HOST}', '${NONE:-x}'], env: { K: 'v' }, timeout: '5s', allow: ['t'] },
          b: { type: 'http', url: 'https://${HOST}/mcp', headers: { A: 'b' } },
        },
      }),
    ).toEqual([
      {
        kind: 'stdio',
        name: 'a',
        source: 'mcp.json',
        trusted: false,
        timeoutMs: 5000,
        allow: ['t'],
        command: 'prog',
        args: ['example.com', 'x'],
        env: { K: 'v' },
        cwd: '.',
      },
      {
        kind: 'http',
        name: 'b',
        source: 'mcp.json',
        trusted: false,
        timeoutMs: 60_000,
        allow: [],
        url: 'https://example.com/mcp',
        headers: { A: 'b' },
      },
    ])
  })

  it.each([
    ['{', 'JSON'],
    [{ servers: {} }, 'mcpServers'],
    [{ mcpServers: { a: { comand: 'x' } } }, 'mcpServers.a.command'],
    [{ mcpServers: { a: { command: 'x', url: 'https://x' } } }, 'command'],
    [{ mcpServers: { a: { url: 'ftp://x' } } }, 'mcpServers.a.url'],
    [{ mcpServers: { a: { command: 'x', timeout: 5 } } }, 'mcpServers.a.timeout'],
    [{ mcpServers: { a: { command: 'x', timeout: '5' } } }, 'a duration such as 30s'],
    [{ mcpServers: { a: { command: 'x', timeout: '0s' } } }, 'a duration such as 30s'],
    [{ mcpServers: { a: { url: 'https://x', timeout: '0.4ms' } } }, 'a duration such as 30s'],
    [{ mcpServers: { 'a b': { command: 'x' } } }, 'letters, digits'],
    [{ mcpServers: { a: { command: '${NONE}' } } }, 'the variable NONE is not set'],
    [{ mcpServers: { a: { command: 'x', type: 'sse' } } }, 'mcpServers.a.type'],
  ])('%j is an error that names the key', (data, said) => {
    expect(() => parse(data)).toThrow(said)
  })

  it('is read from the user, the repository and the workspace; the nearest counts, and only the user is trusted', async () => {
    const user = join(bench.root, 'config')
    const inner = join(bench.workspace, 'inner')
    for (const folder of [user, join(bench.workspace, '.belay'), join(inner, '.belay')])
      mkdirSync(folder, { recursive: true })
    const servers = (names: readonly string[], command: string): string =>
      JSON.stringify({ mcpServers: Object.fromEntries(names.map((name) => [name, { command }])) })
    writeFileSync(join(user, 'mcp.json'), servers(['mine', 'both'], 'user'))
    writeFileSync(join(bench.workspace, '.belay/mcp.json'), servers(['both', 'deep'], 'root'))
    writeFileSync(join(inner, '.belay/mcp.json'), servers(['deep'], 'inner'))
    const places = { projectFolders: [bench.workspace, inner].map((path) => realpathSync(path)), userFolder: user }
    const found = await loadMcpServers(places, {})
    expect(found.map((one) => [one.name, one.kind === 'stdio' && one.command, one.trusted])).toEqual([
      ['mine', 'user', true],
      ['both', 'root', false],
      ['deep', 'inner', false],
    ])
    expect(await loadMcpServers({ projectFolders: [bench.outside], userFolder: join(bench.root, 'none') }, {})).toEqual(
      [],
    )
  })
})
