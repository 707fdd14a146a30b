/** `belay exec` in a real terminal: what the policy leaves to a person is asked there. */
import { describe, expect, it } from 'vitest'
import { asked, bash, CTRL_C, CTRL_D, ENGINE, ENTER, noTerminal, say, useStage } from './support/stage.ts'
import type { Terminal } from './support/terminal.ts'

const stage = useStage()

function exec(...args: readonly string[]): Terminal {
  return stage.open(['exec', ...args])
}

describe.skipIf(noTerminal)('belay exec in a terminal', () => {
  it('asks inline, one question at a time, and takes yes, and no with a reason', async () => {
    const { requests } = await stage.scripted(
      bash('git push origin main', 'git push origin dev'),
      bash('git push --tags'),
      say('pushed what I could'),
    )
    const tty = exec('push', ...ENGINE)
    expect((await asked(tty, 1)).join('\n')).toContain('may the agent do this? git push origin main')
    tty.type(`perhaps${ENTER}`)
    await tty.until(
      (all) => all.some((line) => line.includes('please answer')) && (all.at(-1)?.startsWith('[y]es') ?? false),
    )
    tty.type(`no not on a Friday${ENTER}`)
    expect((await asked(tty, 2)).join('\n')).toContain('git push origin dev')
    tty.type(`y${ENTER}`)
    await asked(tty, 3)
    tty.type(`n${ENTER}`)
    const lines = await tty.until((all) => all.some((line) => line.startsWith('done: 3 steps')))
    expect(lines).toContain('pushed what I could')
    expect((await tty.exit).exitCode).toBe(0)
    expect(requests[1]?.text).toContain('a person said no: not on a Friday')
    expect(requests[1]?.text).not.toContain('nobody is there')
  })

  it('Ctrl-C at the question ends the turn, with 130', async () => {
    await stage.scripted(bash('git push origin main'))
    const tty = exec('push', ...ENGINE, '--session', 's')
    await asked(tty, 1)
    tty.type(CTRL_C)
    expect((await tty.exit).exitCode).toBe(130)
    const { entries } = await stage.world.json<{ entries: { type: string; status?: string }[] }>([
      'session',
      'show',
      's',
    ])
    expect(entries.at(-1)).toMatchObject({ type: 'turn_ended', status: 'interrupted' })
  })

  it('Ctrl-D at the question denies it, and what comes after it', async () => {
    const { requests } = await stage.scripted(bash('git push origin main'), bash('git push origin dev'), say('no'))
    const tty = exec('push', ...ENGINE)
    await asked(tty, 1)
    tty.type(CTRL_D)
    await tty.until((all) => all.some((line) => line.startsWith('done: 3 steps')))
    expect((await tty.exit).exitCode).toBe(0)
    expect(requests[2]?.text.match(/nobody answered/g)).toHaveLength(2)
  })

  it('shows all of a command that is longer than a line', async () => {
    await stage.scripted(bash(`git push origin main # ${'x'.repeat(600)} the end`), say('no'))
    const tty = exec('push', ...ENGINE)
    expect((await asked(tty, 1)).join('').replaceAll(/\s/g, '')).toContain('xtheend')
    tty.type(`n${ENTER}`)
    expect((await tty.exit).exitCode).toBe(0)
  })

  it('--json never asks: denied, in an event', async () => {
    await stage.scripted(bash('git push origin main'), say('no'))
    const tty = exec('push', ...ENGINE, '--json')
    expect((await tty.exit).exitCode).toBe(0)
    expect(tty.raw).toContain('nobody is there')
    expect(tty.raw).not.toContain('[y]es')
    expect(tty.raw).toContain('"approval.answered"')
  })
})
