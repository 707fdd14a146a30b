/** Who takes a turn when the role's own agent cannot. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World } from './support/world.ts'

const AGENT = fileURLToPath(new URL('support/scripted-agent.mjs', import.meta.url))

interface Shown {
  readonly task: {
    readonly status: string
    readonly sessions: readonly { readonly provider: string; readonly role: string; readonly status: string }[]
    readonly failovers: readonly Record<string, unknown>[]
  }
}

let world: World
beforeEach(() => {
  world = new World({ implementer: { '*': [{ files: { 'made.txt': 'x\n' } }] } })
  world.feature('001-routing', ['- [ ] T001 Make it'])
})
afterEach(() => world.dispose())

/** belay.yaml whose implementer is `provider`, with `failover`; the reviewer is the scripted agent. */
function configure(provider: string, failover: readonly unknown[]): void {
  const roles = {
    implementer: { ...(JSON.parse(provider) as object), failover },
    reviewer: { provider: 'command', command: scripted() },
  }
  world.files({ 'belay.yaml': JSON.stringify({ workflow: { roles } }) }).commit()
}

function scripted(): string[] {
  return [process.execPath, AGENT, world.agentDir]
}

/** A program that does what `script` says, as an agent of the command protocol. */
function program(name: string, script: string): string {
  const bin = join(world.dir, 'bin')
  mkdirSync(bin, { recursive: true })
  const file = join(bin, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

const stepsIn = { provider: 'command', model: 'second' }

describe('failover', () => {
  it('hands the turn to the next agent when a quota is used up, and records why', async () => {
    const error = '{"type":"error","code":"quota","message":"the plan is used up","retry_at":"2099-01-01T00:00:00Z"}'
    const empty = program('empty', `cat > /dev/null; echo half > half.txt; echo '${error}'`)
    configure(JSON.stringify({ provider: 'command', command: [empty], model: 'first' }), [
      { ...stepsIn, command: scripted() },
    ])
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stderr).toContain('command/second steps in')
    expect(world.log().at(-1)?.trailers['Belay-Agent']).toContain('implementer=command/second')

    const shown = await world.json<Shown>(['show', 'T001'])
    expect(shown.task.failovers).toEqual([
      {
        attempt: 1,
        role: 'implementer',
        from: 'command/first',
        to: 'command/second',
        reason: { code: 'agent_quota', message: expect.stringContaining('the plan is used up') as string },
        session: expect.stringMatching(/^s-/) as string,
      },
    ])
    const [{ prompt }] = world.requests() as [{ prompt: string }]
    expect(prompt).toContain('# Task T001')
    expect(prompt).toContain('Another agent was given this before you and was cut off')
    expect((await world.belay(['show', 'T001'])).stdout).toMatch(/command\/first -> command\/second {2}agent_quota/)
    expect((await world.belay(['logs', 'T001'])).stdout).toContain('command/second steps in: the plan is used up')
  })

  it('takes the next agent when the first is not installed', async () => {
    world.env['PATH'] = '/usr/bin:/bin'
    configure('{"provider":"pi"}', ['gemini', { ...stepsIn, command: scripted() }])
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    const { task } = await world.json<Shown>(['show', 'T001'])
    expect(task.failovers).toMatchObject([
      { from: 'pi', to: 'gemini', reason: { code: 'agent_spawn' } },
      { from: 'gemini', to: 'command/second', reason: { code: 'agent_spawn' } },
    ])
    expect(task.sessions.filter(({ role }) => role === 'implementer').map(({ provider }) => provider)).toEqual([
      'pi',
      'gemini',
      'command',
    ])
  })

  it('takes the next agent when a login is refused, and waits as the first says when none is left', async () => {
    const auth = program('auth', `cat > /dev/null; echo '{"type":"error","code":"auth","message":"no login"}'`)
    const quota = program(
      'quota',
      `cat > /dev/null; echo '{"type":"error","code":"quota","message":"full","retry_at":"2099-01-01T00:00:00Z"}'`,
    )
    configure(JSON.stringify({ provider: 'command', command: [quota] }), [{ provider: 'command', command: [auth] }])
    const run = await world.belay(['run', '--no-wait'])
    expect(run.code, run.stderr).toBe(5)
    expect(run.stderr).toContain('2099-01-01')
  })

  it('does not step in for other failures', async () => {
    const broken = program('broken', 'cat > /dev/null; exit 9')
    configure(JSON.stringify({ provider: 'command', command: [broken] }), [{ ...stepsIn, command: scripted() }])
    expect((await world.belay(['run'])).code).toBe(3)
    expect((await world.json<Shown>(['show', 'T001'])).task.failovers).toEqual([])
  })

  it('refuses a run when none of them is there, and what cannot be an agent', async () => {
    world.env['PATH'] = '/usr/bin:/bin'
    configure('{"provider":"pi"}', ['gemini'])
    const none = await world.belay(['run'])
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('the implementer (pi) cannot be started')
    configure('{"provider":"pi"}', ['gemeni', { provider: 'acp' }, { provider: 'pi', effort: 'huge' }])
    const wrong = await world.belay(['run'])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('workflow.roles.implementer.failover[0]')
    expect(wrong.stderr).toContain('workflow.roles.implementer.failover[1].command')
    expect(wrong.stderr).toContain('workflow.roles.implementer.failover[2].effort')
  })
})
