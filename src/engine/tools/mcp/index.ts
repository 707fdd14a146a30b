/** Turns the tools of MCP servers into tools of the agent. */
import type { Tool as McpTool } from '@modelcontextprotocol/client'
import { crypto } from '../../../core/crypto.ts'
import { messageOf } from '../../../core/errors.ts'
import { head, printable } from '../../../core/text.ts'
import type { Tool, ToolContext } from '../../port.ts'
import { judgeCommand } from '../bash.ts'
import { pathOf } from '../paths/index.ts'
import { commandLine } from '../quote.ts'
import { ALLOW, defineTool } from '../tool.ts'
import type { McpServer } from './config.ts'
import { connect, type Connection } from './connection.ts'
import { isReachable } from './http.ts'
import { resultOf } from './result.ts'
import { schemaOf, unusableProperty } from './schema.ts'

const TOOLS_MAX = 100
const DESCRIPTION_MAX = 4000
const SCHEMA_MAX = 50_000
/** Characters of all descriptions and schemas of all servers: every request to the model carries them. */
const ALL_MAX = 200_000
/** Per server, at most this many of the tools that are left out are named one by one. */
const NAMED_MAX = 5
/** Longest tool name that every provider accepts. */
const NAME_MAX = 64

export interface McpTools {
  /** The tools that the servers listed last. */
  readonly tools: readonly Tool[]
  /** Servers and tools that were left out, and why. */
  readonly problems: readonly string[]
  /**
   * Lists the tools again of servers that announced a change or were restarted. Resolves to new problems; null: no server was
   * stale.
   */
  refresh(): Promise<readonly string[] | null>
  /** Ends all servers. Safe to repeat. */
  close(): Promise<void>
}

/**
 * Connects to servers; stdio servers run in the context's sandbox. A server that the repository defines is refused if policy
 * would not allow its command, or if the sandbox's network does not reach its address. A server that cannot be used is reported
 * in `problems`; it is not an error. The caller must call `close`.
 */
export async function connectMcp(servers: readonly McpServer[], context: ToolContext): Promise<McpTools> {
  const opened = await Promise.all(servers.map(async (server) => ({ server, connection: await open(server, context) })))
  const connected = opened.flatMap(({ server, connection }) =>
    typeof connection === 'string' ? [] : [{ server, connection }],
  )
  let { tools, left } = toolsOf(connected)
  return {
    get tools() {
      return tools
    },
    problems: [...opened.flatMap(({ connection }) => (typeof connection === 'string' ? [connection] : [])), ...left],
    async refresh() {
      const stale = connected.filter(({ connection }) => connection.isStale)
      if (stale.length === 0) return null
      const failed = await Promise.all(
        stale.map(({ connection }) =>
          connection.refresh().then(
            () => [],
            (error: unknown) => [messageOf(error)],
          ),
        ),
      )
      const before = new Set(left)
      ;({ tools, left } = toolsOf(connected))
      return [...failed.flat(), ...left.filter((one) => !before.has(one))]
    },
    async close() {
      await Promise.all(connected.map(({ connection }) => connection.close()))
    },
  }
}

async function open(server: McpServer, context: ToolContext): Promise<Connection | string> {
  try {
    const refusal = server.trusted ? null : refusalOf(server, context)
    if (refusal !== null) return `the MCP server ${server.name} (${server.source}) was left out: ${refusal}`
    return await connect(server, context)
  } catch (error) {
    return `${messageOf(error)}; its tools are left out`
  }
}

/** Why a repository's server is refused, or null. It may do nothing that the agent's own commands could not. */
function refusalOf(server: McpServer, context: ToolContext): string | null {
  if (server.kind === 'http') {
    if (isReachable(server.url, context.sandbox.policy.network)) return null
    return `the sandbox's network does not reach ${new URL(server.url).host}`
  }
  const command = commandLine([server.command, ...server.args])
  const { decision, reason } = judgeCommand(command, pathOf(server.cwd, context), context)
  return decision === 'allow' ? null : `${reason} (a server that you name in your own mcp.json is not asked about)`
}

interface Connected {
  readonly server: McpServer
  readonly connection: Connection
}

function toolsOf(connected: readonly Connected[]): { tools: readonly Tool[]; left: readonly string[] } {
  const tools = new Map<string, Tool>()
  const left: string[] = []
  let size = 0
  for (const { server, connection } of connected) {
    const out: string[] = []
    let made = 0
    for (const one of connection.tools) {
      const name = toolName(server.name, one.name)
      const own = (one.description ?? '').slice(0, DESCRIPTION_MAX).length + JSON.stringify(one.inputSchema).length
      const why = tools.has(name) ? 'another one has the same name' : unusable(one, made, size + own)
      if (why === null) {
        tools.set(name, mcpTool(name, one, server, connection))
        made += 1
        size += own
      } else if (out.push(why) <= NAMED_MAX)
        left.push(`the tool ${printable(head(one.name, 100))} of the MCP server ${server.name} was left out: ${why}`)
    }
    const more = out.length - NAMED_MAX
    if (more > 0) left.push(`${more} more tools of the MCP server ${server.name} were left out: ${out.at(-1)}`)
  }
  return { tools: [...tools.values()], left }
}

/** Why the agent cannot have this tool, or null. */
function unusable(tool: McpTool, made: number, all: number): string | null {
  if (made >= TOOLS_MAX) return `a server may have ${TOOLS_MAX} tools`
  const size = JSON.stringify(tool.inputSchema).length
  if (size > SCHEMA_MAX) return `its schema has ${size} characters`
  if (all > ALL_MAX) return `the tools of all MCP servers may have ${ALL_MAX} characters`
  const property = unusableProperty(tool)
  return property === null ? null : `no provider takes a property called ${printable(head(property, 100))}`
}

/** `mcp__SERVER__TOOL` in characters that every provider accepts. A name that is too long is cut and ends in a hash. */
function toolName(server: string, tool: string): string {
  const name = `mcp__${server}__${tool.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`
  if (name.length <= NAME_MAX) return name
  const hash = crypto().createHash('sha256').update(tool).digest('hex').slice(0, 8)
  return `${name.slice(0, NAME_MAX - 9)}_${hash}`
}

function mcpTool(name: string, tool: McpTool, server: McpServer, connection: Connection): Tool {
  const readOnly = tool.annotations?.readOnlyHint === true
  const allowed = server.allow.includes('*') || server.allow.includes(tool.name)
  const said = printable(head(tool.description ?? tool.title ?? tool.name, DESCRIPTION_MAX))
  return defineTool({
    name,
    description: `${said}\n(A tool of the MCP server ${server.name}.)`,
    input: schemaOf(tool),
    effect: readOnly ? 'read' : 'write',
    title: (input) => `${server.name} ${tool.name}: ${JSON.stringify(input)}`,
    demand: () =>
      readOnly || allowed
        ? ALLOW
        : { decision: 'ask', reason: `${tool.name} of the MCP server ${server.name} may change something` },
    async run(input, { store, signal }) {
      return resultOf(await connection.call(tool.name, input, signal), store, `mcp-${server.name}`)
    },
  })
}
