import { BelayError } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'
import type { Skill } from '../definitions/skills.ts'
import type { Tool } from '../port.ts'
import { bashTool } from './bash.ts'
import { editTool } from './edit.ts'
import { gitTools } from './git/tools.ts'
import { readTool } from './read.ts'
import { searchTools } from './search/tools.ts'
import { skillTool } from './skill.ts'
import { taskTools } from './tasks/tools.ts'
import { writeTool } from './write.ts'

export interface ToolsOptions {
  /**
   * Names of the tools to include; a name that ends in `*` is a prefix. Absent: all. A name that matches no tool is an error.
   */
  readonly allow?: readonly string[]
  /** Default and longest timeout of bash, in ms; 2 min and 10 min if absent. */
  readonly timeoutMs?: number
  readonly maxTimeoutMs?: number
  /** Time limit of glob and grep, in ms; 20 s if absent. */
  readonly searchTimeoutMs?: number
  /** Without skills there is no skill tool. */
  readonly skills?: readonly Skill[]
  /** Other tools (of MCP servers), whose names must be different. */
  readonly more?: readonly Tool[]
}

/** Characters of a command's output that the model sees. */
const OUTPUT_MAX = 30_000

/**
 * The tools of an agent: the only source of their names, schemas and descriptions. Throws `unknown_tool` if a name in `allow`
 * matches no tool (except MCP tools, whose servers may be away), and `tool_name_taken` if two tools have the same name.
 */
export function createTools(options: ToolsOptions = {}): readonly Tool[] {
  const { timeoutMs = 120_000, maxTimeoutMs = 600_000, searchTimeoutMs = 20_000, skills = [], more = [] } = options
  const own: Tool[] = [
    bashTool({ timeoutMs: Math.min(timeoutMs, maxTimeoutMs), maxTimeoutMs, maxOutput: OUTPUT_MAX }),
    readTool,
    writeTool,
    editTool,
    ...searchTools(searchTimeoutMs),
    ...gitTools,
    ...taskTools(),
    skillTool(skills),
  ]
  const known = [...own, ...more]
  const names = known.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new BelayError('tool_name_taken', `two tools are called ${twice}`)
  if (options.allow) checkNames(options.allow, names)
  const { allow = ['*'] } = options
  return known.filter(
    ({ name }) => (name !== 'skill' || skills.length > 0) && allow.some((pattern) => isMeant(pattern, name)),
  )
}

function isMeant(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

function checkNames(allow: readonly string[], names: readonly string[]): void {
  const unknown = allow.find((pattern) => !pattern.startsWith('mcp__') && !names.some((name) => isMeant(pattern, name)))
  if (unknown === undefined) return
  const near = nearest(unknown, names)
  throw new BelayError('unknown_tool', `there is no tool called ${unknown}`, {
    expected: names.join(', '),
    received: unknown,
    ...(near === null ? {} : { next: `did you mean ${near}?` }),
  })
}
