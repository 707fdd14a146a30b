import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Agent, Probe } from '../../agents/port.ts'
import { nodeFinding } from '../../setup/doctor.ts'
import type { Finding } from '../../setup/index.ts'
import { envWith, folder, project, removeProjects } from '../../setup/testing/project.ts'
import { testIo } from '../testing/io.ts'
import { doctorCommand } from './doctor.ts'

removeProjects()

const HERE: Probe = { installed: true, path: '/opt/agent', version: '1.2.3', loggedIn: true, hint: null }

interface Asked {
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[] | null
}

function agent(provider: string, probe: Partial<Probe> = {}, asked: Asked[] = []): Agent {
  return {
    provider,
    capabilities: {
      structuredOutput: true,
      resume: true,
      interrupt: true,
      usage: 'none',
      quota: false,
      readOnly: true,
      model: true,
      approvals: false,
      steer: false,
      efforts: [],
    },
    probe: (env, command) => {
      asked.push({ env, command })
      return Promise.resolve({ ...HERE, ...probe })
    },
    turn: () => {
      throw new Error('a doctor takes no turns')
    },
  }
}

async function doctor(
  cwd: string,
  agents: readonly Agent[],
  env: Record<string, string>,
): Promise<{ checks: Finding[]; status: string; exit: number }> {
  const { out, exit } = await run(cwd, agents, env, '--json')
  expect(out).toHaveLength(1)
  return { ...(JSON.parse(out[0] ?? '') as { checks: Finding[]; status: string }), exit }
}

async function run(
  cwd: string,
  agents: readonly Agent[],
  env: Record<string, string>,
  ...args: string[]
): Promise<{ out: string[]; exit: number }> {
  const io = testIo({ env, cwd, stdin: new PassThrough() })
  await doctorCommand(io, agents).exitOverride().parseAsync(args, { from: 'user' })
  return { out: io.printed, exit: io.exitCode }
}

function named(checks: readonly Finding[], name: string): Finding[] {
  return checks.filter((check) => check.name === name)
}

const CONFIG =
  'verify: {commands: [make test]}\nworkflow: {roles: {implementer: {provider: claude}, reviewer: {provider: codex}}}\n'

function setUp(config = CONFIG, name = 'Ada'): { root: string; env: Record<string, string> } {
  const root = withIdentity(project({ 'belay.yaml': config, 'src/x': '' }), name)
  return { root, env: { ...envWith('make'), BELAY_HOME: folder() } }
}

/** The machine's own identity does not matter: the repository's overrides it, and an empty name counts as none. */
function withIdentity(root: string, name: string): string {
  writeFileSync(join(root, '.git/config'), `[user]\n\tname = ${name}\n\temail = ada@example.com\n`, { flag: 'a' })
  return root
}

describe('belay doctor', () => {
  it('finds everything well, from a subdirectory too, and exits 0', async () => {
    const { root, env } = setUp()
    const { checks, status, exit } = await doctor(join(root, 'src'), [agent('claude'), agent('codex')], env)
    expect(checks.filter((check) => check.status !== 'ok' && check.name !== 'disk')).toEqual([])
    expect(['ok', 'warn']).toContain(status)
    expect(exit).toBe(0)
    expect(checks.map((check) => check.name)).toEqual([
      'node',
      'git',
      'repository',
      'identity',
      'config',
      'gates',
      'state',
      'disk',
      'implementer (claude)',
      'reviewer (codex)',
      'sandbox (os)',
      'sandbox (docker)',
      'sandbox (e2b)',
    ])
    expect(named(checks, 'repository')[0]?.message).toBe(`${root} (on main)`)
    expect(named(checks, 'identity')[0]?.message).toBe('Ada <ada@example.com>')
    expect(named(checks, 'config')[0]?.message).toBe(join(root, 'belay.yaml'))
    expect(named(checks, 'reviewer (codex)')[0]?.message).toBe('/opt/agent 1.2.3, logged in')
  })

  it('is readable for people', async () => {
    const { root, env } = setUp()
    const { out } = await run(
      root,
      [agent('claude', { installed: false, path: null, hint: 'npm i -g claude' }), agent('codex')],
      env,
    )
    const text = out.join('\n')
    expect(text).toMatch(/^ok {4}repository {2,}\//m)
    expect(text).toMatch(/^fail {2}implementer \(claude\) {2}not installed\n +-> npm i -g claude$/m)
    const broken = await run(root, [agent('claude', { installed: false, version: null }), agent('codex')], env)
    expect(broken.out.join('\n')).toMatch(/^fail {2}implementer \(claude\) {2}\/opt\/agent does not run$/m)
    expect(out.at(-1)).toMatch(/^\d+ ok, \d+ to look at, 1 to fix$/)
  })

  it('fails on agents that are used and cannot work, and only tells about the others', async () => {
    const { root, env } = setUp()
    const broken = [
      agent('claude', { loggedIn: false, hint: 'claude /login' }),
      agent('codex', { installed: false, path: null, version: null }),
      agent('other', { installed: false, path: null }),
    ]
    const { checks, exit } = await doctor(root, broken, env)
    expect(exit).toBe(2)
    expect(named(checks, 'implementer (claude)')[0]).toMatchObject({ status: 'fail', next: 'claude /login' })
    expect(named(checks, 'reviewer (codex)')[0]).toMatchObject({
      status: 'fail',
      next: 'install codex and put it on PATH',
    })
    expect(named(checks, 'agent (other)')[0]).toMatchObject({ status: 'ok' })
    const unknown = await doctor(root, [agent('claude', { loggedIn: null })], env)
    expect(named(unknown.checks, 'implementer (claude)')[0]).toMatchObject({ status: 'ok' })
    expect(named(unknown.checks, 'reviewer (codex)')[0]).toMatchObject({
      status: 'fail',
      message: 'Belay has no such agent',
    })
  })

  it('asks agents with the environment and program of their role', async () => {
    const { root, env } = setUp(
      'workflow: {roles: {implementer: {command: [./a.sh, -x], env: {ADDED: a, GONE: null}}, reviewer: {provider: codex}}}',
    )
    const asked: Asked[] = []
    await doctor(root, [agent('command', {}, asked), agent('codex')], { ...env, GONE: 'x', GH_TOKEN: 'secret' })
    expect(asked).toHaveLength(1)
    expect(asked[0]?.command).toEqual([join(root, 'a.sh'), '-x'])
    expect(asked[0]?.env).toMatchObject({ ADDED: 'a' })
    expect(asked[0]?.env).not.toHaveProperty('GONE')
    expect(asked[0]?.env).not.toHaveProperty('GH_TOKEN')
  })

  it('fails on a broken configuration and goes on with the rest', async () => {
    const { root, env } = setUp('task: {sauce: x}\nconcurrency: 0\n')
    const { checks, exit } = await doctor(root, [agent('claude')], env)
    expect(exit).toBe(2)
    const [config] = named(checks, 'config')
    expect(config).toMatchObject({ status: 'fail' })
    expect(config?.message).toContain('task.sauce')
    expect(config?.message).toContain('concurrency')
    expect(named(checks, 'agent (claude)')).toHaveLength(1)
  })

  it('warns without belay.yaml, without checks, and of programs that are missing', async () => {
    const env = { ...envWith(), BELAY_HOME: folder() }
    const bare = await doctor(withIdentity(project({}), 'Ada'), [agent('claude'), agent('codex')], env)
    expect(bare.exit).toBe(0)
    expect(bare.status).toBe('warn')
    expect(named(bare.checks, 'config')[0]).toMatchObject({ status: 'warn', next: 'belay init' })
    expect(named(bare.checks, 'gates')[0]).toMatchObject({ status: 'warn' })
    const { root } = setUp(`verify:\n  commands: ['CI=1 make test', 'cd x && y', ./own.sh, {run: [nope, z]}]`)
    const missing = await doctor(root, [], env)
    expect(named(missing.checks, 'gates').map((check) => check.message)).toEqual([
      'CI 1 make test, cd x && y, ./own.sh, nope z',
      'make is not on PATH, and CI 1 make test needs it',
      'nope is not on PATH, and nope z needs it',
    ])
    const { root: strict } = setUp('verify: {required: true}')
    expect(named((await doctor(strict, [], env)).checks, 'gates')[0]).toMatchObject({ status: 'fail' })
  })

  it('fails outside git and still looks at the machine', async () => {
    const { checks, exit } = await doctor(folder(), [agent('claude')], { ...envWith(), BELAY_HOME: folder() })
    expect(exit).toBe(2)
    expect(named(checks, 'repository')[0]).toMatchObject({ status: 'fail', next: 'git init' })
    expect(checks.map((check) => check.name)).toContain('disk')
  })

  it('fails without an identity, with the commands that set it', async () => {
    const { root, env } = setUp(CONFIG, '')
    const { checks, exit } = await doctor(root, [agent('claude'), agent('codex')], env)
    expect(named(checks, 'identity')[0]).toMatchObject({ status: 'fail' })
    expect(named(checks, 'identity')[0]?.next).toContain('git config --global user.name')
    expect(exit).toBe(2)
  })

  it('fails when the state folder cannot be there', async () => {
    const { root, env } = setUp()
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    const { checks } = await doctor(root, [], { ...env, BELAY_HOME: join(file, 'state') })
    expect(named(checks, 'state')[0]).toMatchObject({ status: 'fail' })
    expect(named(checks, 'state')[0]?.next).toContain('BELAY_HOME')
    expect(named(checks, 'disk')).toEqual([])
    const later = await doctor(root, [], { ...env, BELAY_HOME: join(folder(), 'not/yet') })
    expect(named(later.checks, 'state')[0]).toMatchObject({ status: 'ok' })
  })

  it.skipIf(process.getuid?.() === 0)('fails when the state folder is not writable', async () => {
    const { root, env } = setUp()
    const home = join(folder(), 'state')
    mkdirSync(home)
    chmodSync(home, 0o500)
    const { checks } = await doctor(root, [], { ...env, BELAY_HOME: home })
    expect(named(checks, 'state')[0]).toMatchObject({ status: 'fail' })
  })

  it('knows which Node is new enough', () => {
    expect(nodeFinding('24.0.0').status).toBe('ok')
    expect(nodeFinding('22.22.1')).toMatchObject({ status: 'fail', next: 'install Node 24 or newer' })
  })
})
