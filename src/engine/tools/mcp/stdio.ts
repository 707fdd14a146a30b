import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { BelayError, messageOf } from '../../../core/errors.ts'
import { randomId } from '../../../core/ids.ts'
import { printable, tail } from '../../../core/text.ts'
import { endAll, findWith, lines, type KeptProcess } from '../../../process/index.ts'
import { folderOf } from '../bash.ts'
import type { ToolContext } from '../../port.ts'
import type { StdioServer } from './config.ts'

/** Environment variable by which the processes that a server started are found. */
const SERVER = 'BELAY_MCP'

const MESSAGE_MAX = 16 << 20
const STDERR_MAX = 2000
/**
 * The most bytes that may wait for a server to read: one that sends requests without reading the answers would fill the memory.
 */
const UNREAD_MAX = 4 << 20
/** How long a server may take to exit after its input has ended. */
const LEAVE_MS = 1000

export interface StdioTransport extends Transport {
  /** The end of what it wrote to stderr, and of what went wrong with its messages. */
  said(): string
}

/** Messages to and from a server that runs in the sandbox, one line of JSON each. */
export function stdioTransport(server: StdioServer, context: ToolContext): StdioTransport {
  const id = randomId(16)
  let kept: KeptProcess | null = null
  let words = ''
  let over: Promise<void> | null = null

  const transport: StdioTransport = {
    said: () => printable(words).trim(),
    async start() {
      kept = await context.sandbox.spawn({
        argv: [server.command, ...server.args],
        cwd: folderOf(server.cwd, context),
        env: { ...context.env, ...server.env, [SERVER]: id },
        stdin: 'open',
        mark: context.mark,
      })
      kept.stderr.on('data', (chunk: Buffer) => (words = tail(words + chunk.toString('utf8'), STDERR_MAX)))
      void listen(kept)
    },
    async send(message) {
      const stdin = kept?.stdin
      // While `close` waits for the server to exit, the server may still send requests; they can no longer be answered.
      if (stdin?.writable !== true || over !== null)
        throw new BelayError('mcp_ended', `the MCP server ${server.name} has ended`)
      if (stdin.writableLength > UNREAD_MAX) {
        words = tail(`${words}\nit does not read what it is sent`, STDERR_MAX)
        await kept?.end()
        throw new BelayError('mcp_ended', `the MCP server ${server.name} does not read what it is sent`)
      }
      await new Promise<void>((resolve, reject) => {
        stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()))
      })
    },
    async close() {
      if (kept === null) return
      const left = new Promise<void>((resolve) => setTimeout(resolve, LEAVE_MS).unref())
      kept.stdin?.end()
      await Promise.race([kept.closed, left])
      await kept.end()
      await ended()
    },
  }
  return transport

  async function listen({ stdout, closed, end }: KeptProcess): Promise<void> {
    try {
      for await (const line of lines(stdout, MESSAGE_MAX)) {
        if (line.dropped > 0) throw new BelayError('mcp_message', `a message of more than ${MESSAGE_MAX} characters`)
        take(line.text)
      }
      await closed
    } catch (error) {
      words = tail(`${words}\n${messageOf(error)}`, STDERR_MAX)
      transport.onerror?.(error instanceof Error ? error : new Error(String(error)))
      await end()
    }
    await ended()
  }

  function take(text: string): void {
    if (text.trim() === '') return
    let message: JSONRPCMessage
    try {
      message = JSON.parse(text) as JSONRPCMessage
    } catch {
      // Some servers print text for people to stdout.
      words = tail(`${words}${text}\n`, STDERR_MAX)
      return
    }
    transport.onmessage?.(message)
  }

  /** Ends everything that the server left running, then reports the close. Runs once. */
  function ended(): Promise<void> {
    over ??= sweep()
    return over
  }

  async function sweep(): Promise<void> {
    await endAll(`MCP server ${server.name}`, () => findWith(SERVER, (value) => value === id))
    transport.onclose?.()
  }
}
