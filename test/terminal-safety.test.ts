/** Text from an agent or from its programs does nothing to its reader's terminal. */
import { describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { bash, CTRL_D, ENTER, noTerminal, ready, say, useStage } from './support/stage.ts'

const noOs = (await findBackend('os').probe()) !== null && process.env['CI'] !== 'true'
const stage = useStage()

/** Sets the clipboard (OSC 52), the title, answers of the terminal, colours that stay, another screen. */
const EVIL = [
  '\u001b]52;c;ZXZpbA==\u0007',
  '\u001b]0;evil\u0007',
  '\u001b[6n',
  '\u001b[?1049h',
  '\u009b31m',
  '\u0090q\u009c',
]

/** For /bin/sh: the same to stdout and stderr, and by every way to the terminal that a program could have. */
const PRINTS = `printf '\\033]52;c;ZXZpbA==\\007\\033]0;evil\\007\\033[?1049h'; printf '\\033]52;c;ZXZpbA==\\007' >&2`
const REACHES = `perl -e 'for ("/dev/tty", map { "/dev/fd/$_" } 0 .. 9) { open T, "+<", $_ or next; -t T or next; print "terminal $_"; ioctl(T, 0x5412, $_) for split //, "typed-by-agent\\n"; print T "\\e]52;c;ZXZpbA==\\a" }'`

function expectHarmless(raw: string): void {
  expect(raw).not.toContain('\u001b]52')
  expect(raw).not.toContain('\u001b]0;evil')
  expect(raw).not.toContain('\u001b[6n')
  expect(raw).not.toContain('\u001b[?1049h')
  expect(raw).not.toMatch(/[\u0080-\u009f]/)
}

describe.skipIf(noTerminal)('the terminal of who reads', () => {
  it.each(['host', 'os'].filter((name) => name === 'host' || !noOs))('belay chat, agent in %s', async (sandbox) => {
    const { requests } = await stage.scripted(bash('sh ./reach.sh'), say(`it is ${EVIL.join('')}done`))
    // The command policy is another matter.
    const allow = 'policy: {commands: {allow: ["sh *"]}}\n'
    stage.world.files({ 'reach.sh': `${PRINTS}; ${REACHES}; echo; echo reached-the-end\n`, 'belay.yaml': allow })
    const tty = stage.open([
      'chat',
      '--model',
      'anthropic/claude-sonnet-5',
      '--sandbox',
      sandbox,
      '--network',
      sandbox === 'os' ? 'none' : 'full',
    ])
    await ready(tty)
    tty.type(`do it${ENTER}`)
    await tty.until((all) => all.some((line) => line.includes('done')) && all.at(-1) === '>>>')
    tty.type(CTRL_D)
    expect((await tty.exit).exitCode).toBe(0)
    expect(requests).toHaveLength(2)
    expect(requests[1]?.text).toContain('reached-the-end')
    expect(requests[1]?.text).not.toContain('terminal /dev')
    expect(tty.raw).not.toContain('typed-by-agent')
    expectHarmless(tty.raw)
  })

  it('belay exec with an agent that is a program, to a terminal and to a pipe', async () => {
    const { world } = stage
    world.config().unconfined()
    const message = { type: 'message', text: `it is ${EVIL.join('')}done` }
    const turn = { sh: `${PRINTS}; ${REACHES}`, lines: [message, { type: 'unknown', [EVIL[0] as string]: EVIL[1] }] }
    world.script({ implementer: { exec: [turn] }, byCall: true })
    const tty = stage.open(['exec', 'x'])
    await tty.until((all) => all.some((line) => line.startsWith('done: ')))
    await tty.exit
    expect(tty.raw).not.toContain('typed-by-agent')
    expectHarmless(tty.raw)
    const failing = { ...turn, exit: 3, answer: null }
    world.script({ implementer: { exec: [failing] }, byCall: true })
    expectHarmless((await world.belay(['exec', 'x'])).stderr)
  })
})
