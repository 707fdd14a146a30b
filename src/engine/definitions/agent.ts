import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { parseDuration } from '../../core/duration.ts'
import { BelayError } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'
import { isJsonObject } from '../../core/json.ts'
import { BACKENDS, type SandboxPolicy } from '../../sandbox/port.ts'
import { readFrontmatter } from './frontmatter.ts'
import { definitionFolders, markdownIn } from './names.ts'
import type { Places } from './places.ts'

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text)
  if (ms !== null && ms > 0) return ms
  context.addIssue({ code: 'custom', message: 'a duration with a unit, e.g. 20m' })
  return z.NEVER
})

/** A command that is run for tool calls. */
const hookCommand = z.strictObject({
  run: z.string().min(1).describe('text for /bin/sh -c, run in the workspace, in the sandbox of the agent'),
  tools: z.array(z.string().min(1)).min(1).default(['*']).describe('calls of these tools; * is anything'),
  timeout: duration.default(30_000).describe('the longest that it may take'),
})
const hookList = z.array(hookCommand).default([])

/** The keys of `.belay/agents/NAME.md`: the only schema of agent definitions. */
export const agentDefinition = z.strictObject({
  name: z.string().min(1).optional().describe('must be the name of the file'),
  description: z.string().default('').describe('what the agent is for'),
  model: z.string().min(1).optional().describe('PROVIDER/NAME'),
  effort: z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']).optional().describe('how much the model reasons'),
  tools: z.array(z.string().min(1)).optional().describe('the only tools it has; default: all'),
  max_steps: z.int().min(1).max(10_000).optional().describe('model calls of one turn'),
  timeout: duration.optional().describe('wall time of one turn, e.g. 20m'),
  budget_usd: z.number().positive().optional(),
  budget_tokens: z.int().positive().optional(),
  context_window: z.int().min(8000).optional().describe("the model's window in tokens, when Belay does not know it"),
  access: z.enum(['read-only', 'workspace-write', 'full']).optional(),
  sandbox: z.enum(BACKENDS).optional(),
  image: z.string().min(1).optional().describe('image (docker) or template (e2b) of the sandbox'),
  network: z
    .union([z.enum(['none', 'full']), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe('none, full, or a list of hosts'),
  hooks: z
    .strictObject({
      before: hookList.describe('may ask for a person or deny a call'),
      after: hookList.describe('are told what came of it'),
    })
    .optional()
    .describe('commands that see every call of a tool'),
})

export type HookCommand = z.output<typeof hookCommand>
export type AgentSettings = z.output<typeof agentDefinition>

/** An agent as its file defines it. */
export interface AgentDefinition {
  readonly name: string
  readonly path: string
  readonly settings: AgentSettings
  /** The Markdown below the frontmatter; null: none. */
  readonly instructions: string | null
}

const KEYS = Object.keys(agentDefinition.shape)

/** In bytes: far more than instructions need, far less than any model's window. */
const LARGEST = 256 * 1024

/** The sandbox settings of a definition, apart from the backend. */
export function definedSandbox({ network, image }: AgentSettings): Partial<Pick<SandboxPolicy, 'network' | 'image'>> {
  return {
    ...(image === undefined ? {} : { image }),
    ...(network === undefined
      ? {}
      : { network: typeof network === 'string' ? { mode: network } : { mode: 'hosts' as const, hosts: network } }),
  }
}

/**
 * Parses one definition. Throws `agent_definition_invalid` for unknown keys and bad values, naming the key and what was
 * expected.
 */
export async function parseAgentDefinition(name: string, path: string, text: string): Promise<AgentDefinition> {
  const { data, body } = await readFrontmatter(text, path)
  for (const key of Object.keys(data)) {
    if (KEYS.includes(key)) continue
    const near = nearest(key, KEYS)
    throw invalid(
      path,
      `there is no key "${key}"${near === null ? '' : `; did you mean "${near}"?`}`,
      KEYS.join(', '),
      key,
    )
  }
  const read = agentDefinition.safeParse(data)
  if (!read.success) {
    const [issue] = read.error.issues
    const key = issue?.path.join('.') ?? ''
    const received = isJsonObject(data) ? JSON.stringify(data[String(issue?.path[0])]) : undefined
    const said = issue?.message.replace(/^Invalid input: /, '') ?? 'is wrong'
    throw invalid(path, `${key}: ${said}`, said.replace(/^expected (.*?)(, received .*)?$/, '$1'), received)
  }
  if (read.data.name !== undefined && read.data.name !== name)
    throw invalid(path, `its name is "${read.data.name}", and its file says "${name}"`, name, read.data.name)
  return { name, path, settings: read.data, instructions: body === '' ? null : body }
}

/**
 * Loads the definition of that name. The nearest `.belay/agents` from the workspace up to the repository's root wins, then the
 * user's. Throws `agent_definition_unknown`, which lists the existing names.
 */
export async function loadAgentDefinition(name: string, places: Places): Promise<AgentDefinition> {
  const folders = definitionFolders(places)
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    for (const folder of folders) {
      const path = join(folder, `${name}.md`)
      const text = await textAt(path)
      if (text !== null) return parseAgentDefinition(name, path, text)
    }
  }
  const names = await agentDefinitionNames(places)
  const near = nearest(name, names)
  throw new BelayError('agent_definition_unknown', `there is no agent definition "${name}"`, {
    expected: names.length > 0 ? names.join(', ') : `a file ${folders[0]}/NAME.md`,
    received: name,
    ...(near === null ? {} : { next: near }),
  })
}

/** The sorted names of all definition files, valid or not. */
export async function agentDefinitionNames(places: Places): Promise<string[]> {
  const found = await Promise.all(definitionFolders(places).map(async (folder) => markdownIn(folder)))
  return [...new Set(found.flat())].sort()
}

async function textAt(path: string): Promise<string | null> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  })
  if (found === null) return null
  // Opening a named pipe would block for ever.
  if (!found.isFile()) throw invalid(path, 'is no file', 'a Markdown file')
  if (found.size > LARGEST) throw invalid(path, 'is too large', `at most ${LARGEST} bytes`, `${found.size} bytes`)
  return readFile(path, 'utf8')
}

function invalid(path: string, why: string, expected: string, received?: string): BelayError {
  return new BelayError('agent_definition_invalid', `${path}: ${why}`, {
    expected,
    ...(received === undefined ? {} : { received }),
  })
}
