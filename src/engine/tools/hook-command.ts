/** Hooks of an agent definition: commands that see tool calls and may tighten the policy's decision. */
import { BelayError, messageOf } from '../../core/errors.ts'
import { globToRegExp } from '../../core/glob.ts'
import { head, nearest, printable, tail } from '../../core/text.ts'
import { isJsonObject } from '../../core/json.ts'
import type { HookCall, ToolHook } from '../calls/hooks.ts'
import type { AgentSettings, HookCommand } from '../definitions/agent.ts'
import type { Tool, ToolDemand, ToolResult } from '../port.ts'
import { runInside } from './run-inside.ts'

/** Limits of a hook's answer in bytes, and of what is shown of a hook's text in characters. */
const ANSWER = 64_000
const SHOWN = 500

/**
 * The hooks of a definition; none if `hooks` is undefined. Throws `agent_definition_invalid` for a pattern that matches no
 * existing tool, because a misspelt guard would guard nothing. Patterns for MCP tools are not checked: their servers may be
 * away.
 */
export function commandHooks(hooks: AgentSettings['hooks'], tools: readonly Tool[]): readonly ToolHook[] {
  if (hooks === undefined) return []
  // known here too, although the tool only exists when there are skills
  const names = [...new Set([...tools.map(({ name }) => name), 'skill'])]
  for (const pattern of [...hooks.before, ...hooks.after].flatMap((hook) => hook.tools)) {
    if (pattern.startsWith('mcp__') || names.some((name) => globToRegExp(pattern).test(name))) continue
    const near = nearest(pattern, names)
    throw new BelayError('agent_definition_invalid', `hooks: there is no tool "${pattern}"`, {
      expected: `${names.join(', ')}, or a pattern such as git_*`,
      received: pattern,
      ...(near === null ? {} : { next: `did you mean ${near}?` }),
    })
  }
  return [...hooks.before.map(beforeHook), ...hooks.after.map(afterHook)]
}

function beforeHook(hook: HookCommand): ToolHook {
  const isFor = isForTool(hook)
  return {
    name: nameOf(hook),
    async before(call): Promise<ToolDemand> {
      if (!isFor(call.tool.name)) return { decision: 'allow', reason: '' }
      return decisionOf(await run(hook, call, { event: 'before' }))
    },
  }
}

function afterHook(hook: HookCommand): ToolHook {
  const isFor = isForTool(hook)
  return {
    name: nameOf(hook),
    async after(call, { text, isError, exitCode, changed }: ToolResult): Promise<void> {
      if (!isFor(call.tool.name)) return
      await run(hook, call, { event: 'after', result: { text, is_error: isError, exit_code: exitCode, changed } })
    },
  }
}

function isForTool({ tools }: HookCommand): (name: string) => boolean {
  const patterns = tools.map(globToRegExp)
  return (name) => patterns.some((pattern) => pattern.test(name))
}

function nameOf({ run: text }: HookCommand): string {
  return `hook "${head(printable(text), 80)}"`
}

/** Runs the command and resolves to its stdout. Rejects unless it exits with status 0 in time. */
async function run(hook: HookCommand, { tool, input, context }: HookCall, more: object): Promise<string> {
  let stdout = Buffer.alloc(0)
  let stderr = ''
  const { exit, cut } = await runInside(context, {
    argv: ['/bin/sh', '-c', hook.run],
    cwd: context.workspace,
    timeoutMs: hook.timeout,
    input: `${JSON.stringify({ ...more, tool: tool.name, input, title: tool.title(input), workspace: context.workspace })}\n`,
    onStdout: (chunk) => {
      if (stdout.length <= ANSWER) stdout = Buffer.concat([stdout, chunk.subarray(0, ANSWER + 1)])
    },
    onStderr: (chunk) => {
      stderr = tail(stderr + chunk.toString('utf8'), SHOWN)
    },
  })
  const said = stderr.trim() === '' ? '' : `: ${printable(stderr.trim())}`
  if (cut === 'timeout') throw new Error(`it took longer than ${hook.timeout} ms${said}`)
  if (cut !== null) throw new Error('the turn was ended')
  if (exit.code !== 0)
    throw new Error(`it ended with ${exit.code === null ? String(exit.signal) : `exit status ${exit.code}`}${said}`)
  if (stdout.length > ANSWER) throw new Error(`it said more than ${ANSWER} bytes`)
  return stdout.toString('utf8')
}

/** A hook that says nothing does not object. */
function decisionOf(text: string): ToolDemand {
  if (text.trim() === '') return { decision: 'allow', reason: '' }
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch (error) {
    throw new Error(`its answer is no JSON (${printable(messageOf(error)).replaceAll(/\s+/g, ' ')})`, { cause: error })
  }
  const { decision, reason } = isJsonObject(said) ? said : {}
  if (decision !== 'allow' && decision !== 'ask' && decision !== 'deny')
    throw new Error('its answer has no decision (allow, ask or deny)')
  const why =
    typeof reason === 'string' && reason.trim() !== '' ? head(printable(reason.trim()), SHOWN) : 'a hook says so'
  return { decision, reason: why }
}
