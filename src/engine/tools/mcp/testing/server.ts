/** An MCP server for tests: `node server.ts`. It has a tool for everything that servers do, and for what they should not do. */
import { spawn } from 'node:child_process'
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] })

/** The server itself, for use with other transports. */
export function testServer(): McpServer {
  const server = new McpServer({ name: 'test', version: '1' })
  const looks = { annotations: { readOnlyHint: true } }
  server.registerTool(
    'echo',
    { description: 'Says it again.', inputSchema: z.object({ text: z.string() }), ...looks },
    async (input) => text(`echo: ${input.text}`),
  )
  server.registerTool('change', { inputSchema: z.object({}) }, async () => text('changed'))
  server.registerTool('pid', looks, async () => text(String(process.pid)))
  server.registerTool('env', looks, async () =>
    text(`${process.env['GIVEN']} ${process.cwd()} ${process.env['BELAY_TEST_LEAK']}`),
  )
  server.registerTool('fails', looks, async () => ({ ...text('it went wrong'), isError: true }))
  server.registerTool('long', looks, async () => text('x'.repeat(100_000)))
  server.registerTool('huge', looks, async () => text('x'.repeat(20 << 20)))
  server.registerTool('image', looks, async () => ({
    content: [{ type: 'image', data: 'aGVsbG8=', mimeType: 'image/png' }],
  }))
  server.registerTool('structured', { ...looks, outputSchema: z.object({ n: z.number() }) }, async () => ({
    content: [],
    structuredContent: { n: 1 },
  }))
  server.registerTool('hangs', looks, () => new Promise(() => {}))
  server.registerTool('dies', looks, () => {
    process.stderr.write('last words\n')
    process.exit(3)
  })
  server.registerTool('leaves', looks, async () => {
    spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).unref()
    return text('left')
  })
  server.registerTool('noise', looks, async () => {
    process.stdout.write('this is no message\n')
    return text('quiet')
  })
  server.registerTool(`a.long.name.${'y'.repeat(80)}`, looks, async () => text('long name'))
  return server
}

if (import.meta.main) serveStdio(testServer)
