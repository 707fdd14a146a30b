/** Tools of MCP servers, as tools of the agent. */
import type { Tool as McpTool } from '@modelcontextprotocol/client'
import { z } from 'zod'
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

const TOOLS_MAX = 100
const DESCRIPTION_MAX = 4000
const SCHEMA_MAX = 50_000
/** What every provider takes as a tool's name. */
const NAME_MAX = 64

export interface McpTools {
  readonly tools: readonly Tool[]
  /** Servers and tools that are left out, and why. */
  readonly problems: readonly string[]
  /** Ends the servers. Safe to repeat. */
  close(): Promise<void>
}

/**
 * Connects to servers: stdio ones run in the context's sandbox; http ones of the repository are refused where the sandbox's
 * network would not let its programs reach them. What cannot be used is a problem, not an error. Whoever calls it closes it.
 */
export async function connectMcp(servers: readonly McpServer[], context: ToolContext): Promise<McpTools> {
  const problems: string[] = []
  const connections: Connection[] = []
  const tools: Tool[] = []
  const opened = await Promise.all(servers.map((server) => open(server, context)))
  for (const [i, server] of servers.entries()) {
    const connection = opened[i]
    if (connection === undefined) continue
    if (typeof connection === 'string') {
      problems.push(connection)
      continue
    }
    connections.push(connection)
    const { made, left } = toolsOf(server, connection, new Set(tools.map(({ name }) => name)))
    tools.push(...made)
    problems.push(...left)
  }
  return {
    tools,
    problems,
    async close() {
      await Promise.all(connections.map((connection) => connection.close()))
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

/** A repository's server may do nothing that an agent's command could not. */
function refusalOf(server: McpServer, context: ToolContext): string | null {
  if (server.kind === 'http') {
    if (isReachable(server.url, context.sandbox.policy.network)) return null
    return `the sandbox's network does not reach ${new URL(server.url).host}`
  }
  const command = commandLine([server.command, ...server.args])
  const { decision, reason } = judgeCommand(command, pathOf(server.cwd, context), context)
  return decision === 'allow' ? null : `${reason} (a server that you name in your own mcp.json is not asked about)`
}

function toolsOf(server: McpServer, connection: Connection, taken: Set<string>): { made: Tool[]; left: string[] } {
  const made: Tool[] = []
  const left: string[] = []
  for (const one of connection.tools) {
    const name = toolName(server.name, one.name)
    const size = JSON.stringify(one.inputSchema).length
    const why = taken.has(name)
      ? 'another one has the same name'
      : made.length >= TOOLS_MAX
        ? `a server may have ${TOOLS_MAX} tools`
        : size > SCHEMA_MAX
          ? `its schema has ${size} characters`
          : null
    if (why !== null) {
      left.push(`the tool ${printable(head(one.name, 100))} of the MCP server ${server.name} was left out: ${why}`)
      continue
    }
    taken.add(name)
    made.push(mcpTool(name, one, server, connection))
  }
  return { made, left }
}

/** `mcp__SERVER__TOOL` in letters that every provider takes; a long one ends in a hash. */
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

/** The server checks its input itself; the model sees the server's own schema. */
function schemaOf({ inputSchema }: McpTool) {
  const { $schema: _, $id: __, id: ___, ...schema } = inputSchema as Record<string, unknown>
  return z
    .any()
    .refine((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'expected an object')
    .transform((value) => value as Record<string, unknown>)
    .meta({ ...schema, type: 'object' })
}
