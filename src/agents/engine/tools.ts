import type { AgentDefinition, Places, Skills, ToolHook } from '../../engine/index.ts'
import type { Tool, ToolContext } from '../../engine/port.ts'
import type { EngineDeps } from './deps.ts'

/** The tools of a turn, and what has to run for them. */
export interface TurnTools {
  readonly tools: readonly Tool[]
  /** The current tools and what went wrong, if those of an MCP server have changed; null: no change. */
  refresh(): Promise<{ readonly tools: readonly Tool[]; readonly problems: readonly string[] } | null>
  /** The definition's hooks, which see every call. */
  readonly hooks: readonly ToolHook[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
  /** Ends what runs for the tools. Must be called before the sandbox is closed. */
  close(): Promise<void>
}

/**
 * Opens the tools that a definition allows: the registry's tools, the skill tool if there are skills, and those of MCP servers,
 * which are started here. Throws `unknown_tool`, `mcp_config`, or `agent_definition_invalid` for hooks that match no tool.
 */
export async function openTools(
  deps: EngineDeps,
  definition: AgentDefinition | null,
  { skills }: Skills,
  places: Places,
  context: ToolContext,
): Promise<TurnTools> {
  const allow = definition?.settings.tools ?? null
  const { commandHooks, connectMcp, createTools, loadMcpServers, sweepWriting } =
    await import('../../engine/tools/index.ts')
  if (deps.tools) {
    const tools = await deps.tools(allow)
    return {
      tools,
      hooks: commandHooks(definition?.settings.hooks, tools),
      problems: [],
      refresh: async () => null,
      close: async () => {},
    }
  }
  const wanted = { skills, ...(allow === null ? {} : { allow }) }
  sweepWriting(context.store)
  // Wrong names are reported before anything is started.
  const hooks = commandHooks(definition?.settings.hooks, createTools(wanted))
  const mcp = await connectMcp(await loadMcpServers(places, context.env), context)
  const all = (): readonly Tool[] => createTools({ ...wanted, more: mcp.tools })
  return {
    tools: all(),
    hooks,
    problems: mcp.problems,
    async refresh() {
      const problems = await mcp.refresh()
      return problems === null ? null : { tools: all(), problems }
    },
    close: mcp.close,
  }
}
