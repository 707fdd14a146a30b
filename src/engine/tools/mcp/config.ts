/** MCP servers, as `mcp.json` files define them. */
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseDuration } from '../../../core/duration.ts'
import { BelayError, messageOf } from '../../../core/errors.ts'
import type { Places } from '../../definitions/places.ts'
import { readInside } from '../../definitions/read-inside.ts'

type Environment = Readonly<Record<string, string | undefined>>

interface ServerBase {
  readonly name: string
  /** The file that defines the server. */
  readonly source: string
  /** The user's own file defines the server, not the repository's. */
  readonly trusted: boolean
  /** How long one call may take without reporting progress, in ms. */
  readonly timeoutMs: number
  /** Tools that need no approval; `*` means all. */
  readonly allow: readonly string[]
}

export interface StdioServer extends ServerBase {
  readonly kind: 'stdio'
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The server's working directory, relative to the workspace. */
  readonly cwd: string
}

export interface HttpServer extends ServerBase {
  readonly kind: 'http'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export type McpServer = StdioServer | HttpServer

const FILE_MAX = 200_000
const TIMEOUT_MS = 60_000

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text)
  if (ms !== null) return ms
  context.addIssue({ code: 'custom', message: `expected a duration such as 30s, received ${text}` })
  return z.NEVER
})

const common = {
  timeout: duration.default(TIMEOUT_MS),
  allow: z.array(z.string().min(1)).default([]),
}

const stdio = z.strictObject({
  type: z.literal('stdio').optional(),
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().default('.'),
  ...common,
})

const http = z.strictObject({
  type: z.literal('http').optional(),
  url: z.url({ protocol: /^https?$/ }),
  headers: z.record(z.string(), z.string()).default({}),
  ...common,
})

/** Becomes part of the names of its tools. */
const serverName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'expected letters, digits, - and _, at most 32')

const file = z.strictObject({ mcpServers: z.record(serverName, z.unknown()) })

/**
 * Loads the servers from `mcp.json` in the user's folder, then from `.belay/mcp.json` in every folder from the repository's
 * root to the workspace. A later server replaces an earlier one of the same name. `${NAME}` and `${NAME:-default}` in values
 * stand for variables of `env`. Throws `mcp_config`, which names file and key.
 */
export async function loadMcpServers(places: Places, env: Environment): Promise<readonly McpServer[]> {
  const { projectFolders, userFolder } = places
  const files = [
    ...(userFolder === null ? [] : [{ path: join(userFolder, 'mcp.json'), within: userFolder, trusted: true }]),
    ...projectFolders.map((folder) => ({
      path: join(folder, '.belay', 'mcp.json'),
      within: projectFolders[0] ?? folder,
      trusted: false,
    })),
  ]
  const servers = new Map<string, McpServer>()
  for (const { path, within, trusted } of files) {
    const read = await readInside(path, existing(within), FILE_MAX)
    if (read === null) continue
    if ('problem' in read) throw new BelayError('mcp_config', read.problem)
    for (const server of parseMcpFile(read.text, path, trusted, env)) servers.set(server.name, server)
  }
  return [...servers.values()]
}

/** Parses the text of an `mcp.json`. Throws as `loadMcpServers` does. */
export function parseMcpFile(text: string, source: string, trusted: boolean, env: Environment): McpServer[] {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    throw wrong(source, messageOf(error))
  }
  const read = file.safeParse(data)
  if (!read.success) throw wrong(source, describe(read.error, ''))
  return Object.entries(read.data.mcpServers).map(([name, entry]) => {
    const where = `mcpServers.${name}`
    const filled = fill(entry, env, source, where)
    const isHttp =
      typeof filled === 'object' && filled !== null && ('url' in filled || ('type' in filled && filled.type === 'http'))
    const base = { name, source, trusted }
    if (isHttp) {
      const server = http.safeParse(filled)
      if (!server.success) throw wrong(source, describe(server.error, where))
      const { timeout, allow, url, headers } = server.data
      return { ...base, kind: 'http', timeoutMs: timeout, allow, url, headers }
    }
    const server = stdio.safeParse(filled)
    if (!server.success) throw wrong(source, describe(server.error, where))
    const { timeout, allow, command, args, env: own, cwd } = server.data
    return { ...base, kind: 'stdio', timeoutMs: timeout, allow, command, args, env: own, cwd }
  })
}

/** Replaces the variables in all strings of `value`. */
function fill(value: unknown, env: Environment, source: string, where: string): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{(\w+)(?::-([^}]*))?\}/g, (_, name: string, otherwise: string | undefined) => {
      const found = env[name] ?? otherwise
      if (found === undefined) throw wrong(source, `${where}: the variable ${name} is not set`)
      return found
    })
  }
  if (Array.isArray(value)) return value.map((one, i) => fill(one, env, source, `${where}.${i}`))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, env, source, `${where}.${key}`)]))
}

function describe(error: z.ZodError, where: string): string {
  return error.issues
    .map((issue) => {
      const at = [where, ...issue.path.map(String)].filter((part) => part !== '').join('.')
      return `${at}: ${issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message}`
    })
    .join('; ')
}

function wrong(source: string, what: string): BelayError {
  return new BelayError('mcp_config', `${source}: ${what}`, {
    expected: '{"mcpServers": {"NAME": {"command": ..., "args": [...]} or {"url": ...}}}',
  })
}

function existing(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return folder // no such folder: then there is no such file either
  }
}
