/** `belay exec` in a real terminal: what policy leaves to a person is put to whoever sits there. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startModelServer, type ModelServer, type Step } from './support/model-server/index.ts'
import { Terminal, terminalTools } from './support/terminal.ts'
import { World } from './support/world.ts'

const tools = await terminalTools()
// oxlint-disable-next-line no-console -- a skipped test has to say why
if (typeof tools === 'string') console.warn(`skipped: ${tools}`)

let world: World
let model: ModelServer | undefined
let terminal: Terminal | undefined
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  terminal?.dispose()
  terminal = undefined
  await model?.close()
  model = undefined
  world.dispose()
})

async function scripted(...steps: readonly Step[]): Promise<ModelServer> {
  model = await startModelServer({ steps })
  world.env['ANTHROPIC_BASE_URL'] = model.url
  world.env['ANTHROPIC_API_KEY'] = 'test-key'
  return model
}

const HOST = ['--model', 'anthropic/claude-sonnet-5', '--sandbox', 'host'] as const

function bash(...commands: readonly string[]): Step {
  return { reply: { calls: commands.map((command) => ({ name: 'bash', input: { command } })) } }
}

function say(text: string): Step {
  return { reply: { say: text } }
}

function exec(...args: readonly string[]): Terminal {
  if (typeof tools === 'string') throw new Error(tools)
  terminal = new Terminal(tools, world, ['exec', ...args])
  return terminal
}

/** Waits until the nth question stands there. */
function asked(tty: Terminal, n: number): Promise<string[]> {
  return tty.until(
    (all) =>
      (all.at(-1)?.startsWith('[y]es') ?? false) && all.filter((line) => line.includes('may the agent')).length === n,
  )
}

describe.skipIf(typeof tools === 'string')('belay exec in a terminal', () => {
  it('asks inline, one question at a time, and takes yes, and no with a reason', async () => {
    const { requests } = await scripted(
      bash('git push origin main', 'git push origin dev'),
      bash('git push --tags'),
      say('pushed what I could'),
    )
    const tty = exec('push', ...HOST)
    expect((await asked(tty, 1)).join('\n')).toContain('may the agent do this? git push origin main')
    tty.type('perhaps\r')
    await tty.until(
      (all) => all.some((line) => line.includes('please answer')) && (all.at(-1)?.startsWith('[y]es') ?? false),
    )
    tty.type('no not on a Friday\r')
    expect((await asked(tty, 2)).join('\n')).toContain('git push origin dev')
    tty.type('y\r')
    await asked(tty, 3)
    tty.type('n\r')
    const lines = await tty.until((all) => all.some((line) => line.startsWith('done: 3 steps')))
    expect(lines).toContain('pushed what I could')
    expect((await tty.exit).exitCode).toBe(0)
    expect(requests[1]?.text).toContain('a person said no: not on a Friday')
    expect(requests[1]?.text).not.toContain('nobody is there')
  })

  it('Ctrl-C at the question ends the turn, with 130', async () => {
    await scripted(bash('git push origin main'))
    const tty = exec('push', ...HOST, '--session', 's')
    await asked(tty, 1)
    tty.type('\u0003')
    expect((await tty.exit).exitCode).toBe(130)
    const { entries } = await world.json<{ entries: { type: string; status?: string }[] }>(['session', 'show', 's'])
    expect(entries.at(-1)).toMatchObject({ type: 'turn_ended', status: 'interrupted' })
  })

  it('Ctrl-D at the question denies it, and what comes after it', async () => {
    const { requests } = await scripted(bash('git push origin main'), bash('git push origin dev'), say('no'))
    const tty = exec('push', ...HOST)
    await asked(tty, 1)
    tty.type('\u0004')
    await tty.until((all) => all.some((line) => line.startsWith('done: 3 steps')))
    expect((await tty.exit).exitCode).toBe(0)
    expect(requests[2]?.text.match(/nobody answered/g)).toHaveLength(2)
  })

  it('shows all of a command that is longer than a line', async () => {
    await scripted(bash(`git push origin main # ${'x'.repeat(600)} the end`), say('no'))
    const tty = exec('push', ...HOST)
    expect((await asked(tty, 1)).join('').replaceAll(/\s/g, '')).toContain('xtheend')
    tty.type('n\r')
    expect((await tty.exit).exitCode).toBe(0)
  })

  it('--json never asks: denied, in an event', async () => {
    await scripted(bash('git push origin main'), say('no'))
    const tty = exec('push', ...HOST, '--json')
    expect((await tty.exit).exitCode).toBe(0)
    expect(tty.raw).toContain('nobody is there')
    expect(tty.raw).not.toContain('[y]es')
    expect(tty.raw).toContain('"approval.answered"')
  })
})
