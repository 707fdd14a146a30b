import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENTS } from '../src/agents/registry.ts'
import { directProgram } from '../src/programs/direct/program.ts'
import { World } from './support/world.ts'

let world: World
beforeAll(() => {
  world = new World()
  const bin = join(world.dir, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'claude'), '#!/bin/sh\necho 2.1.999\n')
  chmodSync(join(bin, 'claude'), 0o755)
  // Only what the system itself has, and one agent.
  world.env['PATH'] = `${bin}:/usr/bin:/bin`
  world.config().commit()
})
afterAll(() => world.dispose())

describe('belay agents', () => {
  it('shows what every adapter says of itself', async () => {
    const { agents } = await world.json<{ agents: { agent: string; capabilities: Record<string, unknown> }[] }>([
      'agents',
      'list',
    ])
    expect(agents.map(({ agent }) => agent)).toEqual(AGENTS.map(({ provider }) => provider))
    for (const [i, { capabilities }] of agents.entries()) {
      expect(Object.values(capabilities)).toEqual(expect.arrayContaining(Object.values(AGENTS[i]?.capabilities ?? {})))
    }
    const { stdout } = await world.belay(['agents'])
    expect(stdout).toMatch(/^agent +structured_output +resume +interrupt /)
    for (const { provider, capabilities } of AGENTS) {
      const resume = capabilities.resume ? 'yes' : 'no'
      expect(stdout).toMatch(new RegExp(`^${provider} +(yes|no) +${resume} `, 'm'))
    }
    expect((await world.belay(['agents', 'list'])).stdout).toBe(stdout)
    expect(await world.json(['agents'])).toEqual({ agents })
  })

  it('probe says what is here: installed, version, login, and how to mend it', async () => {
    const installed = await world.belay(['agents', 'probe', 'claude'])
    expect(installed.code).toBe(2)
    expect(installed.stdout).toMatch(/^claude: .*\/bin\/claude 2\.1\.999, not logged in\n {2}-> log in /)
    const withKey = await world.belay(['agents', 'probe', 'claude', '--json'], {
      env: { ANTHROPIC_API_KEY: 'k', IS_SANDBOX: '1' },
    })
    expect(withKey.code).toBe(0)
    expect(JSON.parse(withKey.stdout)).toEqual({
      agent: 'claude',
      installed: true,
      path: join(world.dir, 'bin', 'claude'),
      version: '2.1.999',
      logged_in: true,
      hint: null,
    })
    expect(await world.belay(['agents', 'probe', 'codex'])).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('codex: not installed'),
    })
  })

  it.each([
    [
      'is broken',
      'echo "cannot find module x" >&2; exit 127',
      /does not run\n {2}-> .*cannot find module x \(exit status 127\).*npm install/,
    ],
    ['names no version', 'echo hello', /does not run\n {2}-> .*it named no version.*npm install/],
    [
      'is older than what was tested',
      'echo 0.1.2',
      /0\.1\.2.*\n {2}-> .*version 0\.1\.2 is older than what Belay is tested with/,
    ],
  ])('probe says what is wrong with a program that %s, and what to do', async (what, script, expected) => {
    const folder = join(world.dir, what.replaceAll(' ', '-'))
    mkdirSync(folder)
    const keys = { ANTHROPIC_API_KEY: 'k', OPENAI_API_KEY: 'k', GEMINI_API_KEY: 'k', IS_SANDBOX: '1' }
    const env = { PATH: `${folder}:/usr/bin:/bin`, ...keys }
    const programs = {
      claude: 'claude',
      codex: 'codex',
      opencode: 'opencode',
      pi: 'pi',
      gemini: 'gemini',
      'claude-acp': 'claude-agent-acp',
      'codex-acp': 'codex-acp',
      'opencode-acp': 'opencode',
    }
    for (const [agent, program] of Object.entries(programs)) {
      writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`)
      chmodSync(join(folder, program), 0o755)
      const { code, stdout } = await world.belay(['agents', 'probe', agent], { env })
      expect(stdout, agent).toMatch(expected)
      expect(code, agent).toBe(what.startsWith('is older') ? 0 : 2)
    }
    // A run is refused before anything else happens.
    if (what.startsWith('is older')) return
    const run = await world.belay(['run', 'Do it', '--agent', 'pi'], { env })
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining('its program does not run')])
    const exec = await world.belay(['exec', 'do it', '--agent', 'pi', '--sandbox', 'host'], { env })
    expect([exec.code, exec.stderr]).toEqual([2, expect.stringContaining('its program does not run')])
  })

  it('probe takes the program that this repository has configured', async () => {
    expect(await world.json(['agents', 'probe', 'command'])).toMatchObject({ installed: true, path: process.execPath })
  })

  it('probe --live takes a real turn, read-only and in an empty folder, and says what came of it', async () => {
    const live = new World()
    const answering = (script: string): void => {
      const command = JSON.stringify(['/bin/sh', '-c', script])
      live.files({ 'belay.yaml': `workflow: {roles: {implementer: {provider: command, command: ${command}}}}\n` })
    }
    try {
      const usage = '{"type":"usage","input_tokens":12,"output_tokens":3,"cost_usd":0.5}'
      answering(
        `cat > "$HOME/asked"; ls > "$HOME/seen"; echo '${usage}'; echo '{"type":"message","text":"ready"}'; echo '{"type":"result","output":{}}'`,
      )
      live.commit()
      const looked = await live.json<object>(['agents', 'probe', 'command'])
      expect(looked).not.toHaveProperty('live')
      const used = { input_tokens: 12, output_tokens: 3, cost_usd: 0.5 }
      expect(await live.json(['agents', 'probe', 'command', '--live'])).toMatchObject({
        installed: true,
        live: { ok: true, text: 'ready', ...used },
      })
      expect(readFileSync(join(live.dir, 'user', 'seen'), 'utf8')).toBe('')
      expect((await live.belay(['agents', 'probe', 'command', '--live'])).stdout).toContain('live: answered after')

      answering(`cat > /dev/null; echo '{"type":"error","code":"auth","message":"no login"}'`)
      const refused = await live.belay(['agents', 'probe', 'command', '--live'])
      expect(refused).toMatchObject({ code: 2, stdout: expect.stringContaining('auth: no login') as string })
      expect((await live.belay(['agents', 'probe', '--live'])).code).toBe(2)
    } finally {
      live.dispose()
    }
  })

  it('probe without a name looks at all of them', async () => {
    const { agents } = await world.json<{ agents: { agent: string }[] }>(['agents', 'probe'])
    expect(agents.map(({ agent }) => agent)).toEqual(AGENTS.map(({ provider }) => provider))
  })

  it('probe works without and outside of a configuration, and says when it cannot read it', async () => {
    expect((await world.belay(['agents', 'probe'], { cwd: world.dir })).code).toBe(0)
    const broken = new World()
    try {
      broken.files({ 'belay.yaml': 'task: {max_iteration: 3}\n' }).commit()
      const { code, stderr } = await broken.belay(['agents', 'probe'])
      expect(code).toBe(0)
      expect(stderr).toContain('note: looked at without the configuration')
    } finally {
      broken.dispose()
    }
  })
})

describe('belay program show', () => {
  it('draws a program as text, as a Mermaid diagram and as JSON', async () => {
    const text = (await world.belay(['program', 'show', 'direct'])).stdout
    const mermaid = (await world.belay(['program', 'show', 'direct', '--mermaid'])).stdout
    const view = await world.json<{
      program: string
      entry: string
      phases: { phase: string; does: string; on: object }[]
    }>(['program', 'show', 'direct'])
    expect(view).toMatchObject({ program: 'direct', entry: directProgram.entry })
    expect(view.phases.map(({ phase }) => phase)).toEqual([...directProgram.phases.keys()])
    for (const [name, phase] of directProgram.phases) {
      expect(text).toContain(`${name}: ${phase.does}\n`)
      expect(view.phases.find((one) => one.phase === name)).toEqual({ phase: name, does: phase.does, on: phase.on })
      expect(mermaid).toContain(`${name} --> `)
    }
    expect(mermaid.startsWith('stateDiagram-v2\n')).toBe(true)
  })
})

describe('belay demo', () => {
  it('is a run like any other, in a project of its own', async () => {
    const dir = join(world.dir, 'demo')
    const { code, stdout } = await world.belay(['demo', '--dir', dir, '--json'], { cwd: world.dir })
    expect(code).toBe(0)
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as object
    expect(last).toMatchObject({ type: 'run.finished', status: 'done', data: { progress: { completed: 3, total: 3 } } })
    const shown = await world.belay(['show', 'T003'], { cwd: dir })
    expect(shown.stdout).toMatch(/^T003 is done: proven by tests, reviewed, after 2 attempts; commit /)
  })
})
