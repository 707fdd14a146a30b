import type { CallToolResult, Client, Tool as McpTool, Transport } from '@modelcontextprotocol/client'
import { BelayError, messageOf } from '../../../core/errors.ts'
import { head } from '../../../core/text.ts'
import type { ToolContext } from '../../port.ts'
import type { McpServer } from './config.ts'
import { cappedFetch } from './http.ts'
import { stdioTransport, type StdioTransport } from './stdio.ts'

/** Time limit for a server's start, and for listing its tools. */
const START_MS = 30_000
/** The most characters of an error message. */
const SAID_MAX = 1000
/** How often a server is restarted after it ended by itself. */
const RESTARTS = 3
/** A call that keeps reporting progress may take this many times its timeout. */
const PATIENCE = 10

/** A running server, restarted on demand if it ended. */
export interface Connection {
  /** The tools that it listed last. */
  readonly tools: readonly McpTool[]
  /** Whether the server said that its tools have changed, or was restarted. */
  readonly isStale: boolean
  /** Lists the tools again. Throws `mcp_failed`; `tools` then stays as it was. */
  refresh(): Promise<void>
  /** Calls a tool, never twice. Throws `mcp_failed` if the server cannot be called or does not answer. */
  call(name: string, input: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult>
  /** Ends the server, also one that is being restarted. Safe to repeat. */
  close(): Promise<void>
}

/** Connects to a server and lists its tools. Throws `mcp_failed`. */
export async function connect(server: McpServer, context: ToolContext): Promise<Connection> {
  const { Client: ClientClass } = await import('@modelcontextprotocol/client')
  let live: { readonly client: Client; readonly transport: Transport } | null = null
  let starting: Promise<Client> | null = null
  let restarts = 0
  let said = ''
  let stale = false
  const closing = new AbortController()

  const open = async (): Promise<Client> => {
    said = ''
    const transport = await transportTo(server, context)
    const client = new ClientClass(
      { name: 'belay', version: '1' },
      // Output schemas come from the server: they are not compiled into code.
      {
        jsonSchemaValidator: {
          getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
        },
        // Tools are listed again before the next step, once, however many notifications come.
        listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => (stale = true) } },
      },
    )
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the client has no other events
    client.onclose = () => {
      if (live?.client === client) live = null
      said = 'said' in transport ? (transport as StdioTransport).said() : ''
    }
    try {
      const signal = AbortSignal.any([context.signal, closing.signal])
      await client.connect(transport, { timeout: START_MS, signal })
    } catch (error) {
      await transport.close()
      throw error
    }
    live = { client, transport }
    return client
  }

  const ready = async (): Promise<Client> => {
    if (live) return live.client
    closing.signal.throwIfAborted()
    if (!starting) {
      if (restarts >= RESTARTS) throw new Error(`it ended ${RESTARTS + 1} times`)
      restarts += 1
      stale = true
      starting = open().finally(() => (starting = null))
    }
    return starting
  }

  const explained = (error: unknown, what: string): BelayError =>
    new BelayError(
      'mcp_failed',
      `the MCP server ${server.name} ${what}: ${head(messageOf(error), SAID_MAX)}${said === '' ? '' : `; it said: ${said}`}`,
      { cause: error },
    )

  const close = async (): Promise<void> => {
    closing.abort(new Error('it was closed'))
    await starting?.catch(() => {}) // told to whoever needed the server
    await live?.client.close()
    live = null
  }

  const toolsOf = async (client: Client): Promise<readonly McpTool[]> => {
    if (!client.getServerCapabilities()?.tools) return []
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(START_MS)])
    return (await client.listTools(undefined, { timeout: START_MS, signal, cacheMode: 'refresh' })).tools
  }

  let tools: readonly McpTool[]
  try {
    tools = await toolsOf(await open())
  } catch (error) {
    await close()
    throw explained(error, 'could not be started')
  }

  return {
    get tools() {
      return tools
    },
    get isStale() {
      return stale && !closing.signal.aborted
    },
    async refresh() {
      try {
        const client = await ready()
        stale = false
        tools = await toolsOf(client)
      } catch (error) {
        stale = false // set again by the next notification or restart
        throw explained(error, 'does not name its tools')
      }
    },
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
