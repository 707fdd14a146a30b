import { messageOf } from '../../core/errors.ts'
import type { Tool, ToolContext, ToolDemand, ToolResult } from '../port.ts'

/** A call that is about to be made: the tool, and its input as parsed by the schema. */
export interface HookCall {
  readonly tool: Tool
  readonly input: unknown
  readonly context: ToolContext
}

/**
 * Sees every tool call that fits its tool's schema. `before` can only tighten the tool's policy; `after` sees the result of a
 * call that ran and cannot change it.
 */
export interface ToolHook {
  readonly name: string
  before?(call: HookCall): ToolDemand | Promise<ToolDemand>
  after?(call: HookCall, result: ToolResult): void | Promise<void>
}

const STRENGTH = { allow: 0, ask: 1, deny: 2 } as const

/**
 * Combines the tool's own policy with every hook's decision. The strictest counts: deny, then ask, then allow. The tool's
 * policy is not part of `hooks`, so it cannot be left out. A policy or hook that throws denies the call.
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

/** Shows the result of a call to every hook. Errors that hooks throw go to `onFailure`. */
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
