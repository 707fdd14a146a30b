/** What the tools promise holds in every sandbox: the same call means the same wherever it runs. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPolicy } from '../../policy/index.ts'
import { MARK, findWith } from '../../process/index.ts'
import { findBackend, type Sandbox } from '../../sandbox/index.ts'
import { startTestDocker } from '../../sandbox/testing/docker.ts'
import { TEST_IMAGE } from '../../sandbox/testing/image.ts'
import { PATH, cannotRun, makeGround, type Ground, type SandboxHarness } from '../../sandbox/testing/harness.ts'
import type { ToolContext, ToolResult } from '../port.ts'
import { createTools } from './index.ts'
import { connectMcp } from './mcp/index.ts'
import { call } from './testing/context.ts'

const can = { confine: true, readOnly: true, limits: false, fullNetwork: false, seen: true, git: true }
const HARNESSES: readonly SandboxHarness[] = [
  { backend: 'host', unavailable: null, more: {}, can: { ...can, confine: false } },
  { backend: 'os', unavailable: (await findBackend('os').probe())?.message ?? null, more: {}, can },
  { backend: 'docker', unavailable: await startTestDocker(), more: { image: TEST_IMAGE }, can },
]

for (const harness of HARNESSES) {
  const title = `tools in the sandbox: ${harness.backend}`
  if (harness.unavailable === null) describe(title, () => describeTools(harness))
  else cannotRun(title, harness.unavailable)
}

/** Speaks just enough MCP, as a shell script: some sandboxes have no node. */
const MCP = `while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\\([0-9]*\\).*/\\1/p')
  case $line in
    *'"initialize"'*) r='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}';;
    *'"tools/list"'*) r='{"tools":[{"name":"where","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}';;
    *'"tools/call"'*) r='{"content":[{"type":"text","text":"'$(pwd)'"}]}';;
    *) continue;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\\n' "$id" "$r"
done`

function describeTools(harness: SandboxHarness): void {
  let ground: Ground
  let sandbox: Sandbox
  let store: string
  let context: ToolContext
  beforeAll(async () => {
    ground = makeGround(harness)
    sandbox = await ground.open()
    store = mkdtempSync(join(tmpdir(), 'belay-tools-store-'))
  })
  beforeEach(() => {
    context = {
      sandbox,
      workspace: ground.workspace,
      readable: [],
      env: { PATH, HOME: ground.workspace },
      policy: createPolicy(),
      store,
      mark: ground.mark(),
      signal: new AbortController().signal,
    }
  })
  afterEach(() => {
    if (harness.can.seen) expect(findWith(MARK, (value) => value === context.mark)).toEqual([])
  })
  afterAll(async () => {
    await ground.clear()
    rmSync(store, { recursive: true })
  })

  async function use(name: string, input: object, more: Partial<ToolContext> = {}): Promise<ToolResult> {
    const tool = createTools().find((one) => one.name === name)
    if (!tool) throw new Error(name)
    return call(tool, input, { ...context, ...more })
  }

  it('a file made by a tool is seen by commands, and the other way round', async () => {
    await use('write', { file_path: 'sub/a.txt', content: 'from a tool\n' })
    const ran = await use('bash', { command: 'cat a.txt && echo from a command > b.txt && pwd', workdir: 'sub' })
    const inside = sandbox.toInside(join(ground.workspace, 'sub'))
    expect(ran).toMatchObject({ text: `from a tool\n${inside}\n`, exitCode: 0 })
    expect((await use('read', { file_path: 'sub/b.txt' })).text).toBe('     1\tfrom a command')
    // A path that a command printed is understood.
    expect((await use('read', { file_path: `${inside}/b.txt` })).text).toBe('     1\tfrom a command')
    expect((await use('edit', { file_path: 'sub/b.txt', old_string: 'a command', new_string: 'both' })).isError).toBe(
      false,
    )
    expect((await use('bash', { command: 'cat sub/b.txt' })).text).toBe('from both\n')
    expect((await use('grep', { pattern: 'from both' })).text).toContain('sub/b.txt')
    expect((await use('glob', { pattern: 'sub/*.txt' })).text.split('\n').sort()).toEqual(['sub/a.txt', 'sub/b.txt'])
  })

  it('interleaves output, says the exit code, and is bash', async () => {
    const { text, exitCode } = await use('bash', { command: 'a=(x y); echo "${a[1]}"; echo err >&2; echo out; exit 4' })
    expect({ text, exitCode }).toEqual({ text: 'y\nerr\nout\n[exit code 4]', exitCode: 4 })
  })

  it('ends at the timeout with its grandchildren, and what is left in the background', async () => {
    // A number of seconds that no other process sleeps for.
    const sleep = `sleep ${100_000 + Math.floor(Math.random() * 900_000)}`
    const late = await use('bash', { command: `echo begun; (${sleep} & ${sleep}) & ${sleep}`, timeout: 10_000 })
    expect(late.text).toBe('begun\n[ended after 10s, its timeout]')
    const started = performance.now()
    const left = await use('bash', { command: `${sleep} & setsid ${sleep} & echo done` })
    expect(left).toMatchObject({ text: 'done\n', exitCode: 0 })
    expect(performance.now() - started).toBeLessThan(90_000)
    expect((await use('bash', { command: 'ps ax 2>/dev/null || busybox ps' })).text).not.toContain(sleep)
  })

  it('ends when the call is aborted', async () => {
    const abort = new AbortController()
    const file = join(ground.workspace, 'begun')
    const running = use('bash', { command: 'echo > begun; sleep 1000' }, { signal: abort.signal })
    await expect.poll(() => existsSync(file)).toBe(true)
    abort.abort(new Error('stop'))
    expect(await running).toMatchObject({ isError: true })
  })

  it('keeps long output aside where read finds it', async () => {
    const { fullOutput } = await use('bash', { command: 'seq 1 20000' })
    expect(readFileSync(fullOutput ?? '', 'utf8')).toMatch(/\n10000\n/)
    expect((await use('read', { file_path: fullOutput, offset: 10_000, limit: 1 })).text).toContain('10000\t10000')
  })

  it('git runs in it', async () => {
    // Run by the user: inside a sandbox no repository can be created where there is none.
    const git = (...args: string[]): Buffer => execFileSync('git', args, { cwd: ground.workspace })
    git('init', '-q', '-b', 'main', '.')
    git('config', 'user.name', 'n')
    git('config', 'user.email', 'e@x')
    const inRepository = { sandbox: await ground.open() }
    await use('write', { file_path: 'tracked.txt', content: 'x\n' }, inRepository)
    const made = await use('git_commit', { message: 'first', files: ['tracked.txt'] }, inRepository)
    expect(made.text).toContain('n: first')
    expect((await use('git_log', {}, inRepository)).text).toContain('first')
    expect((await use('git_status', {}, inRepository)).text).toContain('branch main')
  })

  it('file tools keep to the policy although they run outside', async () => {
    writeFileSync(join(ground.outside, 'x.txt'), 'outside')
    symlinkSync(ground.outside, join(ground.workspace, 'away'))
    mkdirSync(join(ground.workspace, '.git'), { recursive: true })
    expect((await use('read', { file_path: 'away/x.txt' })).isError).toBe(true)
    expect((await use('write', { file_path: 'away/y.txt', content: '' })).isError).toBe(true)
    expect((await use('write', { file_path: '.git/config', content: '' })).isError).toBe(true)
    expect(existsSync(join(ground.outside, 'y.txt'))).toBe(false)
    const readOnly = await ground.open({ access: 'read-only' })
    expect((await use('write', { file_path: 'n.txt', content: '' }, { sandbox: readOnly })).text).toContain('read-only')
  })

  it('an MCP server runs in it', async () => {
    const mcp = await connectMcp(
      [
        {
          kind: 'stdio',
          name: 's',
          source: 'mcp.json',
          trusted: true,
          timeoutMs: 20_000,
          allow: [],
          command: 'sh',
          args: ['-c', MCP],
          env: {},
          cwd: '.',
        },
      ],
      context,
    )
    try {
      expect(mcp.problems).toEqual([])
      const [where] = mcp.tools
      // Commands that run meanwhile do not end the server.
      await use('bash', { command: 'true' })
      expect(where && (await call(where, {}, context)).text).toBe(sandbox.toInside(ground.workspace))
    } finally {
      await mcp.close()
    }
  })
}
