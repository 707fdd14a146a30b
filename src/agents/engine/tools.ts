import type { AgentDefinition, Places, Skills } from '../../engine/index.ts'
import type { Tool, ToolContext } from '../../engine/port.ts'
import type { EngineDeps } from './deps.ts'

/** The tools of a turn, with what runs for them. */
export interface TurnTools {
  readonly tools: readonly Tool[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
  /** Ends what runs for them; before the sandbox is closed. */
  close(): Promise<void>
}

/**
 * The tools that a definition allows: the registry's, with the skills there are and those of MCP servers, which are started
 * for this. Throws `unknown_tool` and `mcp_config`.
 */
export async function openTools(
  deps: EngineDeps,
  definition: AgentDefinition | null,
  { skills }: Skills,
  places: Places,
  context: ToolContext,
): Promise<TurnTools> {
  const allow = definition?.settings.tools ?? null
  if (deps.tools) return { tools: await deps.tools(allow), problems: [], close: async () => {} }
  const { connectMcp, createTools, loadMcpServers, sweepWriting } = await import('../../engine/tools/index.ts')
  const wanted = { skills, ...(allow === null ? {} : { allow }) }
  sweepWriting(context.store)
  // A name that is wrong is said before anything is started.
  createTools(wanted)
  const mcp = await connectMcp(await loadMcpServers(places, context.env), context)
  return { tools: createTools({ ...wanted, more: mcp.tools }), problems: mcp.problems, close: mcp.close }
}
