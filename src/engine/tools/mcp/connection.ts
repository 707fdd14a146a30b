import type { CallToolResult, Client, Tool as McpTool, Transport } from '@modelcontextprotocol/client'
import { BelayError, messageOf } from '../../../core/errors.ts'
import type { ToolContext } from '../../port.ts'
import type { McpServer } from './config.ts'
import { cappedFetch } from './http.ts'
import { stdioTransport, type StdioTransport } from './stdio.ts'

/** How long a server may take to start. */
const START_MS = 30_000
/** How often one is started again after it ended by itself. */
const RESTARTS = 3
/** One call may take this many times its timeout when it goes on showing progress. */
const PATIENCE = 10

/** A server that is running, or is started again when it is needed. */
export interface Connection {
  /** Its tools when it was connected. */
  readonly tools: readonly McpTool[]
  /** Throws `mcp_failed` when it cannot be called or does not answer; never calls twice. */
  call(name: string, input: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult>
  close(): Promise<void>
}

/** Connects to a server and asks for its tools. Throws `mcp_failed`. */
export async function connect(server: McpServer, context: ToolContext): Promise<Connection> {
  const { Client: ClientClass } = await import('@modelcontextprotocol/client')
  let live: { readonly client: Client; readonly transport: Transport } | null = null
  let starting: Promise<Client> | null = null
  let restarts = 0
  let said = ''
  let closed = false

  const open = async (): Promise<Client> => {
    const transport = await transportTo(server, context)
    const client = new ClientClass(
      { name: 'belay', version: '1' },
      // What a server promises of its answers is not compiled into code.
      {
        jsonSchemaValidator: {
          getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
        },
      },
    )
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a client has no events but these
    client.onclose = () => {
      if (live?.client === client) live = null
      said = 'said' in transport ? (transport as StdioTransport).said() : ''
    }
    try {
      await client.connect(transport, { timeout: START_MS, signal: context.signal })
    } catch (error) {
      await transport.close()
      throw error
    }
    live = { client, transport }
    return client
  }

  const ready = async (): Promise<Client> => {
    if (live) return live.client
    if (closed) throw new Error('it was closed')
    if (!starting) {
      if (restarts >= RESTARTS) throw new Error(`it ended ${RESTARTS + 1} times`)
      restarts += 1
      starting = open().finally(() => (starting = null))
    }
    return starting
  }

  const explained = (error: unknown, what: string): BelayError =>
    new BelayError(
      'mcp_failed',
      `the MCP server ${server.name} ${what}: ${messageOf(error)}${said === '' ? '' : `; it said: ${said}`}`,
      { cause: error },
    )

  const close = async (): Promise<void> => {
    closed = true
    await live?.client.close()
    live = null
  }

  let tools: readonly McpTool[]
  try {
    const client = await open()
    tools = client.getServerCapabilities()?.tools
      ? (await client.listTools(undefined, { timeout: START_MS })).tools
      : []
  } catch (error) {
    await close()
    throw explained(error, 'could not be started')
  }

  return {
    tools,
    async call(name, input, signal) {
      let client: Client
      try {
        client = await ready()
      } catch (error) {
        throw explained(error, 'is not running')
      }
      try {
        return await client.callTool(
          { name, arguments: input },
          {
            signal,
            timeout: server.timeoutMs,
            resetTimeoutOnProgress: true,
            maxTotalTimeout: server.timeoutMs * PATIENCE,
          },
        )
      } catch (error) {
        throw explained(error, `did not answer ${name}`)
      }
    },
    close,
  }
}

async function transportTo(server: McpServer, context: ToolContext): Promise<Transport> {
  if (server.kind === 'stdio') return stdioTransport(server, context)
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
  return new StreamableHTTPClientTransport(new URL(server.url), {
    requestInit: { headers: { ...server.headers } },
    fetch: cappedFetch,
  })
}
