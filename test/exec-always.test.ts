/** A person's answer `always`: what it covers, and that it is remembered when the conversation continues. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { implemented, passes } from './support/answers.ts'
import type { ModelServer, Step } from './support/model-server/index.ts'
import { HOST, MODEL, model, reach, say, serve, world } from './support/model-world.ts'
import { Terminal, terminalTools } from './support/terminal.ts'
import { collect } from './support/world.ts'

const tools = await terminalTools()
// oxlint-disable-next-line no-console -- a skipped test has to say why
if (typeof tools === 'string') console.warn(`skipped: ${tools}`)

async function scripted(...steps: readonly Step[]): Promise<ModelServer> {
  const server = await serve({ steps, isSide: () => false })
  reach(world, server)
  return server
}

const ENGINE = [...MODEL, ...HOST, '--session', 's'] as const

function bash(command: string, more: Record<string, unknown> = {}): Step {
  return { reply: { calls: [{ name: 'bash', input: { command, ...more } }] } }
}

/** The question that stands open; the test's own time is the limit. */
async function question(): Promise<{ readonly id: string; readonly question: string }> {
  for (;;) {
    const { checkpoints } = await world.json<{ checkpoints: { id: string; question: string; status: string }[] }>([
      'checkpoints',
    ])
    const open = checkpoints.find(({ status }) => status === 'open')
    if (open) return open
  }
}

const NOBODY = /nobody is there/g

describe('always', () => {
  it(
    'in belay exec --ask holds for the same call, also in a later process; for nothing else, and not against a deny',
    { timeout: 120_000 },
    async () => {
      const { requests } = await scripted(
        bash('git push origin main', { description: 'push it' }),
        bash('git push origin main', { description: 'push once more', timeout: 1000 }),
        bash('cd . && git push origin main'),
        say('pushed'),
        bash('git push origin main'),
        bash('git push origin dev'),
        say('pushed again'),
        bash('git push origin main'),
        say('not any more'),
      )
      world.files({ a: 'a' }).commit()
      const asking = collect(world.start(['exec', 'push', ...ENGINE, '--ask']))
      const first = await question()
      expect((await world.belay(['answer', first.id, 'always'])).code).toBe(0)
      const second = await question()
      expect(second.question).toContain('cd . && git push origin main')
      await world.belay(['answer', second.id, 'deny'])
      expect(await asking).toMatchObject({ code: 0, stdout: 'pushed\n' })
      expect(requests[1]?.text).not.toMatch(NOBODY)

      // Nobody is there any more, and the first needs nobody.
      const later = await world.belay(['exec', 'again', ...ENGINE])
      expect(later).toMatchObject({ code: 0, stdout: 'pushed again\n' })
      expect(requests[5]?.text.match(NOBODY)).toBeNull()
      expect(requests[6]?.text.match(NOBODY)).toHaveLength(1)
      expect(later.stderr).toContain('git push origin dev')

      world.files({ 'belay.yaml': 'policy: {commands: {deny: ["git push"]}}\n' })
      expect((await world.belay(['exec', 'again', ...ENGINE, '--update-policy'])).code).toBe(0)
      expect(requests[8]?.text).toContain('policy.commands: git push')
    },
  )

  it('comes with no session from elsewhere', async () => {
    const { requests } = await scripted(
      bash('git push origin main'),
      say('pushed'),
      bash('git push origin main'),
      say('no'),
    )
    world.files({ a: 'a' }).commit()
    const asking = collect(world.start(['exec', 'push', ...ENGINE, '--ask']))
    await world.belay(['answer', (await question()).id, 'always'])
    expect((await asking).code).toBe(0)
    const exported = await world.belay(['session', 'export', 's'])
    const file = join(world.dir, 'theirs.jsonl')
    writeFileSync(file, exported.stdout)
    expect((await world.belay(['session', 'import', file, '--id', 'copy'])).code).toBe(0)
    const copy = ENGINE.map((word) => (word === 's' ? 'copy' : word))
    expect((await world.belay(['exec', 'again', ...copy])).code).toBe(0)
    expect(requests[3]?.text).toContain('pushed')
    expect(requests[3]?.text).toMatch(NOBODY)
  })

  it.skipIf(typeof tools === 'string')('in belay chat holds for the next chat of the session too', async () => {
    if (typeof tools === 'string') return
    const { requests } = await scripted(
      bash('git push origin main'),
      bash('git push origin main'),
      say('pushed'),
      bash('git push origin main'),
      say('pushed again'),
    )
    const tty = new Terminal(tools, world, ['chat', ...ENGINE])
    try {
      await tty.until((all) => all.at(-1) === '>>>')
      tty.type('push\r')
      await tty.until((all) => all.at(-1)?.startsWith('[y]es') ?? false)
      tty.type('always\r')
      const lines = await tty.until((all) => all.includes('pushed') && all.at(-1) === '>>>')
      expect(lines.filter((line) => line.includes('may the agent do this?'))).toHaveLength(1)
      tty.type('/exit\r')
      expect((await tty.exit).exitCode).toBe(0)
    } finally {
      tty.dispose()
    }
    const again = await world.belay(['chat', ...ENGINE], { input: 'push\n' })
    expect(again).toMatchObject({ code: 0, stdout: 'pushed again\n' })
    expect(requests[4]?.text).not.toMatch(NOBODY)
  })

  it(
    'in a run holds for the later turns of the conversation; a run that was killed begins a new one and asks',
    { timeout: 240_000 },
    async () => {
      const work = (...names: string[]): Step => ({
        reply: { calls: [{ name: 'bash', input: { command: 'touch deployed.txt' } }, ...names.map(made)] },
      })
      const answer = (value: unknown): Step => say(JSON.stringify(value))
      const { requests } = await scripted(
        work(),
        { reply: { hang: true } },
        work(),
        answer(implemented('T001')),
        work('fixed.txt'),
        answer(implemented('T001')),
        answer(passes('T001', 'Write deployed.txt')),
      )
      world.files({
        'belay.yaml': [
          'policy: {wait: 5m, commands: {ask: ["touch deployed.txt"]}}',
          'verify: {commands: ["test ! -e deployed.txt || test -e fixed.txt"]}',
          'workflow:',
          '  roles:',
          '    implementer: {provider: engine, model: anthropic/claude-sonnet-5, sandbox: host}',
          '    reviewer: {provider: engine, model: anthropic/claude-sonnet-5, sandbox: host}',
          '',
        ].join('\n'),
      })
      world.feature('001-words', ['- [ ] T001 Write deployed.txt']).commit()
      const run = world.start(['run'])
      const ended = collect(run)
      const first = await question()
      expect((await world.belay(['answer', first.id, 'always'])).code).toBe(0)
      await model?.reached(1)
      run.kill('SIGKILL')
      await ended
      const resumed = collect(world.start(['resume']))
      const second = await question()
      expect(second.id).not.toBe(first.id)
      expect((await world.belay(['answer', second.id, 'always'])).code).toBe(0)
      // Nobody answers the turn in which what the gate found is mended.
      const result = await resumed
      expect(result.code, result.stderr).toBe(0)
      expect(requests[4]?.text).toContain('touch deployed.txt')
      expect(requests[5]?.text).not.toMatch(/It was not run/)
      expect(world.has('fixed.txt')).toBe(true)
    },
  )
})

function made(name: string): { name: string; input: Record<string, unknown> } {
  return { name: 'write', input: { file_path: name, content: '' } }
}
