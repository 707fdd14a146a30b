/** What only the real Codex can show: that its sandbox holds, and that the user's settings and login stay unchanged. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateCodexTypes } from '../../../scripts/generate-codex-types.ts'
import { startModelServer, type ModelServer, type Step } from '../../../test/support/model-server/index.ts'
import type { Access, TurnRequest } from '../port.ts'
import { codexAgent } from './agent.ts'
import { codexHome, codexPath, codexUnavailable, type CodexHome } from './testing/harness.ts'
import { errorOf, playTurn } from './testing/play.ts'
import { turnRequest } from '../testing/request.ts'

const codex = codexPath ?? 'codex'

const skipped = codexUnavailable !== null && process.env['CI'] !== 'true'
if (skipped) process.stderr.write(`skipped: the real codex: ${codexUnavailable}\n`)

describe.skipIf(skipped)('the real codex', () => {
  let folder = ''
  let model: ModelServer | null = null
  let home: CodexHome | null = null
  beforeEach(() => {
    // The sandbox allows writing in /tmp and $TMPDIR, where this checkout may be.
    folder = realpathSync(mkdtempSync('/var/tmp/belay-codex-'))
  })
  afterEach(async () => {
    await model?.close({ unasked: 'allow' })
    home?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  async function stage(steps: readonly Step[], more: Partial<TurnRequest> = {}): Promise<TurnRequest> {
    const workspace = join(folder, 'workspace')
    execFileSync('git', ['init', '-q', workspace])
    model = await startModelServer({ steps })
    home = codexHome(model.url)
    return turnRequest({ cwd: workspace, env: home.env, command: [codex], ...more })
  }

  const run = (cmd: string): Step => ({ reply: { calls: [{ name: 'exec_command', input: { cmd } }] } })

  it.each<[Access, boolean, boolean]>([
    ['read-only', false, false],
    ['workspace-write', true, false],
    ['full', true, true],
  ])('keeps its commands to %s', async (access, inside, outside) => {
    const request = await stage([run('touch in.txt; touch ../out.txt; echo done'), { reply: { say: 'ok' } }], {
      access,
    })
    const { end, items } = await playTurn(request)
    expect(end).toMatchObject({ status: 'completed' })
    expect(items.findLast(({ kind }) => kind === 'tool_call')?.tool?.output).toContain('done')
    expect(existsSync(join(request.cwd, 'in.txt'))).toBe(inside)
    expect(existsSync(join(folder, 'out.txt'))).toBe(outside)
  })

  it.each<[Access, boolean]>([
    ['read-only', false],
    ['workspace-write', true],
  ])('keeps its edits to %s', async (access, written) => {
    const patch = '*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n'
    const request = await stage(
      [{ reply: { calls: [{ name: 'apply_patch', input: patch }] } }, { reply: { say: 'ok' } }],
      { access },
    )
    const { items } = await playTurn(request)
    expect(existsSync(join(request.cwd, 'new.txt'))).toBe(written)
    expect(items.some(({ kind, status }) => kind === 'file_change' && status === 'completed')).toBe(written)
  })

  it('works in a worktree, whose .git it does not write', async () => {
    const request = await stage([
      run('echo x > a.txt; git status --short; git add a.txt; echo "add: $?"'),
      { reply: { say: 'ok' } },
    ])
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        cwd: request.cwd,
        encoding: 'utf8',
      })
    git('commit', '-q', '--allow-empty', '-m', 'x')
    const tree = join(folder, 'tree')
    git('worktree', 'add', '-q', tree)
    const { items } = await playTurn({ ...request, cwd: tree })
    const output = items.findLast(({ kind }) => kind === 'tool_call')?.tool?.output ?? ''
    expect(output).toContain('?? a.txt')
    expect(output).toContain('add: 128')
  })

  it('does not write to the settings of the user', async () => {
    const request = await stage([{ reply: { say: 'ok' } }])
    const before = readFileSync(home?.config ?? '', 'utf8')
    await playTurn(request)
    expect(readFileSync(home?.config ?? '', 'utf8')).toBe(before)
  })

  it('asks for the strict form of a schema and gives the answer in the given form', async () => {
    const schema = {
      type: 'object',
      properties: { summary: { type: 'string' }, file: { type: 'string' } },
      required: ['summary'],
      additionalProperties: false,
    }
    const say = JSON.stringify({ summary: 's', file: null })
    const request = await stage([{ reply: { say } }], { outputSchema: schema })
    const { end } = await playTurn(request)
    expect(end).toEqual({ status: 'completed', output: { summary: 's' }, text: say })
    const sent = model?.requests[0]?.body as { readonly text: { readonly format: { readonly schema: unknown } } }
    expect(sent.text.format.schema).toMatchObject({ required: ['summary', 'file'] })
  })

  it('tells a schema that has no strict form in words', async () => {
    const outputSchema = { type: 'object', additionalProperties: { type: 'string' } }
    const request = await stage([{ reply: { say: '```json\n{"a":"b"}\n```' } }], { outputSchema })
    const { end } = await playTurn(request)
    expect(end).toMatchObject({ output: { a: 'b' } })
    expect(model?.requests[0]?.text).toContain(JSON.stringify(outputSchema))
  })

  it('logs in with the key of the environment, in memory only', async () => {
    const request = await stage([{ reply: { say: 'ok' }, every: true }])
    writeFileSync(home?.config ?? '', `openai_base_url = "${model?.url}/v1"\n`)
    const { end } = await playTurn({ ...request, env: { ...request.env, OPENAI_API_KEY: 'sk-of-the-environment' } })
    expect(end).toMatchObject({ status: 'completed', text: 'ok' })
    expect(model?.requests.at(-1)?.headers['authorization']).toBe('Bearer sk-of-the-environment')
    expect(readdirSync(dirname(home?.config ?? '')).filter((name) => name.startsWith('auth'))).toEqual([])
  })

  it('fails without a login before anything is asked', async () => {
    const request = await stage([])
    writeFileSync(home?.config ?? '', `openai_base_url = "${model?.url}/v1"\n`)
    const { OPENAI_API_KEY: _, ...env } = request.env
    expect(errorOf(await playTurn({ ...request, env })).code).toBe('auth')
    expect(model?.requests).toEqual([])
  })

  it('is found, with its version and login', async () => {
    await stage([])
    const { OPENAI_API_KEY: _, ...env } = home?.env ?? {}
    expect(await codexAgent.probe(env, [codex])).toMatchObject({
      installed: true,
      path: codex,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      loggedIn: null,
      hint: null,
    })
    rmSync(home?.config ?? '')
    expect(await codexAgent.probe(env, [codex])).toMatchObject({
      loggedIn: false,
      hint: expect.stringContaining('codex login'),
    })
    expect(await codexAgent.probe({ ...env, OPENAI_API_KEY: 'x' }, [codex])).toMatchObject({ loggedIn: true })
    writeFileSync(
      join(dirname(home?.config ?? ''), 'auth.json'),
      JSON.stringify({ OPENAI_API_KEY: 'sk-x', auth_mode: 'apikey' }),
    )
    expect(await codexAgent.probe(env, [codex])).toMatchObject({ loggedIn: true })
  })

  it('still speaks the protocol that the types were made from', () => {
    expect(generateCodexTypes(codex)).toBe(readFileSync(join(import.meta.dirname, 'protocol.gen.ts'), 'utf8'))
  })
})

it('says what is missing when codex is not there', async () => {
  expect(await codexAgent.probe({ PATH: tmpdir() }, null)).toEqual({
    installed: false,
    path: null,
    version: null,
    loggedIn: null,
    hint: expect.stringContaining('npm install -g @openai/codex'),
  })
})
