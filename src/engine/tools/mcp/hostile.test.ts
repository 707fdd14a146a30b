/** MCP servers that break the rules: each failure becomes a message for the model or for people, and none blocks a turn. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MARK, findWith } from '../../../process/index.ts'
import type { ToolResult } from '../../port.ts'
import { toolSchema } from '../schema.ts'
import { call, makeBench, type Bench } from '../testing/context.ts'
import type { HttpServer, StdioServer } from './config.ts'
import { connectMcp, type McpTools } from './index.ts'

const PROGRAM = fileURLToPath(new URL('testing/hostile.ts', import.meta.url))

let bench: Bench
let open: McpTools[]
beforeEach(() => {
  bench = makeBench('mcp-hostile')
  open = []
})
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()))
  expect(findWith(MARK, (value) => value === bench.context.mark)).toEqual([])
  bench.remove()
})

async function connected(mode: string, more: Partial<StdioServer> = {}, context = bench.context): Promise<McpTools> {
  const server: StdioServer = {
    kind: 'stdio',
    name: 'h',
    source: 'mcp.json',
    trusted: true,
    timeoutMs: 20_000,
    allow: [],
    command: process.execPath,
    args: [PROGRAM, mode],
    env: {},
    cwd: '.',
    ...more,
  }
  const mcp = await connectMcp([server], context)
  open.push(mcp)
  return mcp
}

function use(mcp: McpTools, name: string): Promise<ToolResult> {
  const found = mcp.tools.find((one) => one.name === `mcp__h__${name}`)
  if (!found) throw new Error(`${name} is not among ${mcp.tools.map((one) => one.name).join(', ')}`)
  return call(found, {}, bench.context)
}

const names = (mcp: McpTools): string[] => mcp.tools.map(({ name }) => name.replace('mcp__h__', ''))

describe('a call of a server', () => {
  it('that writes what is no message is answered all the same', async () => {
    const mcp = await connected('noise')
    expect(await use(mcp, 'go')).toMatchObject({ text: 'at last', isError: false })
    expect(await use(mcp, 'go')).toMatchObject({ text: 'at last', isError: false })
  })

  it.each(['a result of another kind', 'content of another kind', 'parts of another kind', 'an error'])(
    'that answers with %s is a failure in few words',
    async (mode) => {
      const result = await use(await connected(mode, { timeoutMs: 2000 }), 'go')
      expect(result.isError).toBe(true)
      expect(result.text).toContain('the MCP server h did not answer go')
      expect(result.text.length).toBeLessThan(2000)
    },
  )

  it('that answers with wrong ids ends at its timeout', async () => {
    const mcp = await connected('wrong ids', { timeoutMs: 1000 })
    expect((await use(mcp, 'go')).text).toMatch(/the MCP server h did not answer go: .*timed out/i)
  })

  it('that answers twice has the first answer, and the next call its own', async () => {
    const mcp = await connected('answers twice')
    expect((await use(mcp, 'go')).text).toBe('once')
    expect((await use(mcp, 'go')).text).toBe('once')
  })

  it('that ends in the middle of a line has ended', async () => {
    expect((await use(await connected('half a line'), 'go')).text).toContain('the MCP server h did not answer go')
  })

  it('that floods ends at its timeout', async () => {
    const mcp = await connected('floods', { timeoutMs: 1000 })
    expect((await use(mcp, 'go')).text).toMatch(/did not answer go: .*timed out/i)
  })

  it('that asks and asks and reads no answer ends the server', async () => {
    const mcp = await connected('asks and does not read', { timeoutMs: 120_000 })
    const result = await use(mcp, 'go')
    expect(result.isError).toBe(true)
    expect(result.text).toContain('it does not read what it is sent')
  })
})

describe('the tools of a server', () => {
  it('that has ten thousand are a hundred, and the rest is said in few words', async () => {
    const mcp = await connected('many')
    expect(mcp.tools).toHaveLength(100)
    expect(mcp.problems).toHaveLength(6)
    expect(mcp.problems.at(-1)).toBe('9895 more tools of the MCP server h were left out: a server may have 100 tools')
  })

  it('with endless descriptions are cut, and together have an end', async () => {
    const mcp = await connected('wordy')
    for (const { description } of mcp.tools) expect(description.length).toBeLessThan(4100)
    const all = mcp.tools.reduce((sum, one) => sum + one.description.length + JSON.stringify(toolSchema(one)).length, 0)
    expect(all).toBeLessThan(220_000)
    expect(mcp.problems.at(-1)).toContain('the tools of all MCP servers may have 200000 characters')
  })

  it('that providers would refuse, with the whole request, are mended or left out', async () => {
    const mcp = await connected('properties')
    expect(names(mcp)).toEqual(['union', 'same', 'a_b', '__31mred_'])
    const union = mcp.tools.find(({ name }) => name.endsWith('union'))
    expect(union && toolSchema(union)).not.toHaveProperty('anyOf')
    expect(mcp.problems.join('\n')).toContain('no provider takes a property called a b')
    expect(mcp.problems.filter((problem) => problem.includes('another one has the same name'))).toHaveLength(2)
    for (const text of [...mcp.problems, ...mcp.tools.map(({ description }) => description)])
      // oxlint-disable-next-line no-control-regex -- what a terminal would interpret
      expect(text).not.toMatch(/\u001B/)
  })

  it.each(['no schema', 'no list', 'endless pages'])('that names %s are left out with the server', async (mode) => {
    const mcp = await connected(mode)
    expect(mcp.tools).toEqual([])
    expect(mcp.problems).toHaveLength(1)
    expect(mcp.problems[0]).toContain('the MCP server h could not be started')
    expect(mcp.problems[0]?.length).toBeLessThan(2000)
  })

  it('that never answers are left out when the turn is ended meanwhile', async () => {
    const abort = new AbortController()
    const context = bench.with({ signal: abort.signal })
    const connecting = connected('silent', {}, context)
    while (findWith(MARK, (value) => value === bench.context.mark).length === 0) await new Promise(setImmediate)
    abort.abort(new Error('stop'))
    expect((await connecting).problems[0]).toContain('the MCP server h could not be started')
  })
})

describe('tools that change', () => {
  it('are asked for again when the server says so, once, and not when it does not', async () => {
    const mcp = await connected('renames')
    expect(await mcp.refresh()).toBeNull()
    expect(names(mcp)).toEqual(['go', 'old'])
    await use(mcp, 'go')
    expect(await mcp.refresh()).toEqual([])
    expect(names(mcp)).toEqual(['go', 'new'])
    expect(await mcp.refresh()).toBeNull()
    expect((await use(mcp, 'new')).text).toBe('the new one')
    await mcp.close()
    expect(await mcp.refresh()).toBeNull()
  })

  it('in silence: the old name is answered by the server that it is not there', async () => {
    const mcp = await connected('renames in silence')
    const old = mcp.tools[0]
    await use(mcp, 'go')
    expect(await mcp.refresh()).toBeNull()
    expect(old).toBeDefined()
    expect(names(mcp)).toEqual(['go'])
  })

  it('into nothing that can be read: the earlier ones stay, and it is said', async () => {
    const mcp = await connected('loses its list')
    await use(mcp, 'go')
    expect((await mcp.refresh())?.join()).toContain('the MCP server h does not name its tools')
    expect(names(mcp)).toEqual(['go'])
    expect(await mcp.refresh()).toBeNull()
  })
})

describe('a server on HTTP', () => {
  let listening: Server
  let url = ''
  let called = 0
  const tool = (name: string) => ({ name, inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } })

  /** As streamable HTTP defines it: the answer to a call is a stream that may hold notifications. */
  beforeEach(async () => {
    called = 0
    listening = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk as Buffer)
        if (request.url === '/away') return response.writeHead(302, { location: url }).end()
        if (request.method !== 'POST') return response.writeHead(405).end()
        const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
          id?: number
          method: string
          params?: { protocolVersion?: string; name?: string }
        }
        if (id === undefined) return response.writeHead(202).end()
        const json = (result: unknown) =>
          response
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
        if (method === 'initialize') {
          const capabilities = { tools: { listChanged: true } }
          return json({
            protocolVersion: params?.protocolVersion,
            capabilities,
            serverInfo: { name: 'x', version: '1' },
          })
        }
        if (method === 'tools/list')
          return json({ tools: [tool('go'), tool('cuts'), tool(called === 0 ? 'old' : 'new')] })
        if (method !== 'tools/call') return response.writeHead(400).end('what?')
        called += 1
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        if (params?.name === 'cuts') return response.write('event: message\n', () => response.destroy())
        const say = (message: unknown) => response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
        response.write('event: nonsense\ndata: {"a"\n\n')
        say({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
        say({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'went' }] } })
        return response.end()
      })()
    })
    await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/mcp`
  })
  afterEach(() => {
    listening.closeAllConnections()
    listening.close()
  })

  const server = (more: Partial<HttpServer> = {}): HttpServer => ({
    kind: 'http',
    name: 'h',
    source: 'mcp.json',
    trusted: true,
    timeoutMs: 3000,
    allow: [],
    url,
    headers: {},
    ...more,
  })

  it('that says that its tools changed is asked for them; one that cuts an answer off ends in words', async () => {
    const mcp = await connectMcp([server()], bench.context)
    open.push(mcp)
    expect(mcp.problems).toEqual([])
    expect(names(mcp)).toEqual(['go', 'cuts', 'old'])
    expect((await use(mcp, 'go')).text).toBe('went')
    expect(await mcp.refresh()).toEqual([])
    expect(names(mcp)).toEqual(['go', 'cuts', 'new'])
    expect((await use(mcp, 'cuts')).text).toContain('the MCP server h did not answer cuts')
  })

  it('that sends elsewhere is not followed: what the sandbox allows was one address', async () => {
    const mcp = await connectMcp([server({ url: url.replace('/mcp', '/away') })], bench.context)
    open.push(mcp)
    expect(mcp.tools).toEqual([])
    expect(mcp.problems[0]).toContain('the MCP server h could not be started')
  })
})
