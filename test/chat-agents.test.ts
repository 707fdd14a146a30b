/** `belay chat` in a real terminal with every agent: the real programs, whose model is scripted. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  anyAcpHarness,
  claudeAcpHarness,
  codexAcpHarness,
  geminiHarness,
  opencodeAcpHarness,
} from '../src/agents/acp/testing/harness.ts'
import { claudeHarness } from '../src/agents/claude/testing/harness.ts'
import { codexHarness } from '../src/agents/codex/testing/harness.ts'
import { commandHarness } from '../src/agents/command/testing/harness.ts'
import { opencodeHarness } from '../src/agents/opencode/testing/harness.ts'
import { piHarness } from '../src/agents/pi/testing/harness.ts'
import type { AgentHarness, Asked, Scene, Step } from '../src/agents/testing/index.ts'
import { pathWithClis } from './support/agent-clis.ts'
import { CTRL_C, ENTER, noTerminal, ready, useStage } from './support/stage.ts'
import type { Terminal } from './support/terminal.ts'

const HARNESSES: readonly AgentHarness[] = [
  claudeHarness,
  codexHarness,
  opencodeHarness,
  piHarness,
  geminiHarness,
  claudeAcpHarness,
  codexAcpHarness,
  opencodeAcpHarness,
  anyAcpHarness,
  commandHarness,
]

const stage = useStage()
let scene: Scene | undefined
// Before the stage goes, in which the agent works.
afterEach(async () => {
  const open = scene
  scene = undefined
  await open?.close()
})

/** A model for the agent, and the user's settings that lead to it. */
async function play(harness: AgentHarness, steps: readonly Step[]): Promise<Scene> {
  scene = await harness.start(steps, stage.world.repo)
  const { provider } = harness.agent
  Object.assign(stage.world.env, scene.env, { PATH: pathWithClis() })
  const hasNoProgram = provider === 'acp' || provider === 'command'
  const command = hasNoProgram ? `, command: ${JSON.stringify(scene.command)}` : ''
  stage.world.files({ 'belay.yaml': `workflow: {roles: {implementer: {provider: ${provider}${command}}}}\n` })
  return scene
}

function start(args: readonly string[]): Terminal {
  return stage.open(args, { cols: 240, rows: 60, patienceMs: 180_000 })
}

const END_OF_TURN = /^\[([a-z_]+): \d+ steps?, /

function ends(tty: Terminal): string[] {
  return tty.lines(true).flatMap((line) => END_OF_TURN.exec(line)?.[1] ?? [])
}

/** Types a line and waits until the next prompt is there; what is asked on the way is answered. Returns what was shown. */
async function say(tty: Terminal, line: string, answer = 'y'): Promise<string> {
  const before = tty.lines(true).length
  tty.type(`${line}${ENTER}`)
  for (let asked = 0; ; asked += 1) {
    const questions = (): number => tty.lines(true).slice(before).filter(isQuestion).length
    await tty.until((all) => questions() > asked || (all.at(-1) === '>>>' && tty.lines(true).length > before))
    if (questions() === asked) return tty.lines(true).slice(before).join('\n')
    tty.type(`${answer}${ENTER}`)
  }
}

function isQuestion(line: string): boolean {
  return line.startsWith('[y]es')
}

function knows(word: string) {
  return ({ text }: Asked): void => expect(text).toContain(word)
}

describe.skipIf(noTerminal)('belay chat in a terminal', () => {
  const present = HARNESSES.filter(({ unavailable, agent }) => {
    if (unavailable !== null && process.env['CI'] !== 'true')
      process.stderr.write(`skipped: belay chat with ${agent.provider}: ${unavailable}\n`)
    return unavailable === null || process.env['CI'] === 'true'
  })

  it.each(present.map((harness) => [harness.agent.provider, harness] as const))(
    'with %s: works, asks, is interrupted, remembers, is saved, loaded and resumed',
    { timeout: 600_000 },
    async (provider, harness) => {
      const { capabilities } = harness.agent
      const stops = harness.stopsWhenDenied === true
      const asking: Step[] = [
        { ask: 'echo x > allowed.txt; git push origin main' },
        { say: 'It was tried.' },
        { ask: 'echo x > denied.txt; git push origin dev' },
        ...(stops ? [] : [{ say: 'I could not.' }]),
      ]
      const steps: Step[] = [
        { run: "printf 'from-the-%d\\n' 42 > ran.txt" },
        { say: 'The word is heron.', pieces: 3 },
        ...(capabilities.approvals ? asking : []),
        { hang: true },
        { say: 'It was that word.', expect: knows('The word is heron.') },
        { hang: true },
        { say: 'Here again.', expect: knows('The word is heron.') },
        { say: 'All new.', expect: ({ text }) => expect(text).not.toContain('heron') },
        { say: 'Loaded.', expect: knows('The word is heron.') },
      ]
      const { reached } = await play(harness, steps)
      let tty = start(['chat', '--agent', provider, '--sandbox', 'host', '--session', 's'])
      const greeting = (await ready(tty)).join('\n')
      expect(greeting.includes('never asks for approval')).toBe(!capabilities.approvals)
      expect(greeting.includes('remembers no conversation')).toBe(!capabilities.resume)
      expect(greeting.includes('cannot be interrupted')).toBe(!capabilities.interrupt)

      const worked = await say(tty, 'Remember a word, and run it.')
      expect(worked).toContain('The word is heron.')
      expect(worked.includes('tokens unknown')).toBe(capabilities.usage === 'none' && !harness.reportsCost)
      expect(readFileSync(join(stage.world.repo, 'ran.txt'), 'utf8')).toBe('from-the-42\n')
      if (harness.reportsTools !== false) expect(worked).toMatch(/^> .*from-the-/m)

      if (capabilities.approvals) {
        const allowed = await say(tty, 'Push it.', 'y')
        expect(allowed.split('\n').filter(isQuestion)).toHaveLength(1)
        expect(existsSync(join(stage.world.repo, 'allowed.txt'))).toBe(true)
        const denied = await say(tty, 'Push the other.', 'n not on a Sunday')
        expect(denied).toContain('denied: ')
        expect(existsSync(join(stage.world.repo, 'denied.txt'))).toBe(false)
      }

      const first = capabilities.approvals ? 2 + asking.length : 2
      const turns = ends(tty).length
      tty.type(`Wait.${ENTER}`)
      await reached(first)
      tty.type(CTRL_C)
      await tty.until((all) => ends(tty).length > turns && all.at(-1) === '>>>')
      expect(ends(tty).at(-1)).toBe('interrupted')
      expect(await say(tty, 'Which word?')).toContain('It was that word.')

      tty.type(`Wait again.${ENTER}`)
      await reached(first + 2)
      tty.type(CTRL_C)
      await tty.until((all) => all.filter((line) => line.includes('(stopping')).length === 2)
      tty.type(CTRL_C)
      try {
        // Where its turn had ended by then, the second was the first at an empty prompt.
        await tty.until((all) => all.some((line) => line.startsWith('(Ctrl-C again')))
        tty.type(CTRL_C)
      } catch (error) {
        if (!String(error).includes('it ended')) throw error
      }
      expect((await tty.exit).exitCode).toBe(130)
      expect(tty.cursorShown).toBe(true)
      tty.dispose()

      tty = start(['session', 'resume', 's'])
      await ready(tty)
      expect(await say(tty, 'And now?')).toContain('Here again.')
      expect(await say(tty, '/save talk.jsonl')).toContain('saved s as ')
      expect(await say(tty, '/reset')).toContain('the one before is s')
      // As the session that was left, not as a chat begins by itself.
      expect(await say(tty, '/status')).toMatch(/^sandbox +host$/m)
      expect(await say(tty, 'Anything?')).toContain('All new.')
      expect(await say(tty, '/load talk.jsonl')).toMatch(/session \S+, \d+ turns/)
      expect(await say(tty, '/history')).toContain('> Which word?')
      expect(await say(tty, 'Which word was it?')).toContain('Loaded.')
      tty.type(`/exit${ENTER}`)
      expect((await tty.exit).exitCode).toBe(0)
    },
  )
})
