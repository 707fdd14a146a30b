import { messageOf } from '../../core/errors.ts'
import type { Tool, ToolContext, ToolDemand, ToolResult } from '../port.ts'

/** A call that is about to be made: the tool with its input as the schema read it. */
export interface HookCall {
  readonly tool: Tool
  readonly input: unknown
  readonly context: ToolContext
}

/** Sees every tool call. `before` can only tighten what policy says; `after` sees what came of it and changes nothing. */
export interface ToolHook {
  readonly name: string
  before?(call: HookCall): ToolDemand | Promise<ToolDemand>
  after?(call: HookCall, result: ToolResult): void | Promise<void>
}

const STRENGTH = { allow: 0, ask: 1, deny: 2 } as const

/**
 * What the tool's own policy and every hook say of a call; the strictest counts: deny, then ask, then allow. The tool's policy is
 * not one of `hooks` and so cannot be left out of them. What throws denies.
 */
export async function judge(call: HookCall, hooks: readonly ToolHook[]): Promise<ToolDemand> {
  const said: ToolDemand[] = [await demandOf('policy', () => call.tool.demand(call.input, call.context))]
  for (const hook of hooks) if (hook.before) said.push(await demandOf(hook.name, () => hook.before?.(call)))
  return said.reduce((strictest, one) => (STRENGTH[one.decision] > STRENGTH[strictest.decision] ? one : strictest))
}

async function demandOf(name: string, decide: () => ToolDemand | Promise<ToolDemand> | undefined): Promise<ToolDemand> {
  try {
    const said = await decide()
    if (said !== undefined && Object.hasOwn(STRENGTH, said.decision)) return said
    return { decision: 'deny', reason: `${name} gave no decision` }
  } catch (error) {
    return { decision: 'deny', reason: `${name} failed: ${messageOf(error)}` }
  }
}

/** Shows what came of a call to every hook; what they throw is handed to `onFailure`. */
export async function tellHooks(
  call: HookCall,
  result: ToolResult,
  hooks: readonly ToolHook[],
  onFailure: (hook: string, message: string) => void,
): Promise<void> {
  for (const hook of hooks) {
    try {
      await hook.after?.(call, result)
    } catch (error) {
      onFailure(hook.name, messageOf(error))
    }
  }
}
