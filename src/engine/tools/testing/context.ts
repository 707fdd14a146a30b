import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { spawnKept } from '../../../process/index.ts'
import type { CommandPolicy } from '../../../policy/port.ts'
import type { SandboxPolicy } from '../../../sandbox/port.ts'
import type { Tool, ToolContext, ToolResult } from '../../port.ts'

export interface Bench {
  /** Holds `workspace`, `store` and `outside`. */
  readonly root: string
  readonly workspace: string
  readonly outside: string
  readonly context: ToolContext
  /** The same context with other parts, or with another sandbox policy. */
  with(parts: Partial<ToolContext>, policy?: Partial<SandboxPolicy>): ToolContext
  /** Writes a file in the workspace, creating its folders, and returns its path. */
  put(file: string, content: string | Buffer, mode?: number): string
  contentOf(file: string): string
  modeOf(file: string): number
  remove(): void
}

/** Denies commands that contain `forbidden`, asks about those that contain `careful`. The real rules have their own tests. */
const wordPolicy: CommandPolicy = {
  judge({ command, confined }) {
    const decision = command.includes('forbidden') ? 'deny' : command.includes('careful') ? 'ask' : 'allow'
    return { decision, reason: `${decision}: ${confined ? 'confined' : 'unconfined'}`, findings: [] }
  },
}

/** Creates folders and a context for tools; its sandbox runs real processes unconfined. */
export function makeBench(name: string): Bench {
  const root = realpathSync(mkdtempSync(join(tmpdir(), `belay-${name}-`)))
  const [workspace, store, outside] = ['workspace', 'store', 'outside'].map((folder) => join(root, folder))
  if (workspace === undefined || store === undefined || outside === undefined) throw new Error('three folders')
  for (const folder of [workspace, store, outside]) mkdirSync(folder)
  const policy: SandboxPolicy = {
    access: 'workspace-write',
    workspace,
    write: [],
    denyRead: [],
    read: [],
    own: [],
    network: { mode: 'none' },
    resources: { cpus: null, memoryBytes: null, pids: null, diskBytes: null },
    image: null,
    runtime: null,
  }
  const context: ToolContext = {
    sandbox: {
      backend: 'host',
      confined: false,
      policy,
      toInside: (path) => path,
      toHost: (path) => path,
      spawn: async (spec) => spawnKept(spec),
      close: async () => {},
    },
    workspace,
    readable: [],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: join(root, 'home') },
    policy: wordPolicy,
    store,
    mark: `tools-test/${name}/${process.pid}/1`,
    signal: new AbortController().signal,
  }
  return {
    root,
    workspace,
    outside,
    context,
    with(parts, changed = {}) {
      return { ...context, sandbox: { ...context.sandbox, policy: { ...policy, ...changed } }, ...parts }
    },
    put(file, content, mode = 0o644) {
      const path = join(workspace, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
      chmodSync(path, mode)
      return path
    },
    contentOf: (file) => readFileSync(join(workspace, file), 'utf8'),
    modeOf: (file) => statSync(join(workspace, file)).mode & 0o777,
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** Calls a tool as the loop does: parses the input, checks the demand, then runs it unless it is denied. */
export async function call(tool: Tool, input: unknown, context: ToolContext): Promise<ToolResult> {
  const parsed = tool.input.parse(input)
  const { decision, reason } = await tool.demand(parsed, context)
  if (decision === 'deny') {
    return { text: `denied: ${reason}`, isError: true, exitCode: null, changed: [], fullOutput: null }
  }
  return tool.run(parsed, context)
}
