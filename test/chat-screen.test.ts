/** `belay chat` in terminals that are narrow or resized, with text that is wide or hostile. */
import { describe, expect, it } from 'vitest'
import { bash, ENGINE, ENTER, noTerminal, ready, say, useStage } from './support/stage.ts'

const stage = useStage()

describe.skipIf(noTerminal)('the screen of belay chat', () => {
  it('20 columns: wide and combining characters are typed, mended, sent and answered', async () => {
    const wide = '漢字かな交じり文 e\u0301 👩‍💻 and a tail that goes over three lines'
    const { requests } = await stage.scripted(say('答えは四十二です。'.repeat(4), 9))
    const tty = stage.open(['chat', ...ENGINE], { cols: 20, rows: 40 })
    await ready(tty)
    tty.type(`${wide}\u007f\u007f\u007fes`)
    tty.type(ENTER)
    await tty.until((all) => all.some((line) => line.startsWith('[agent_done')) && all.at(-1) === '>>>')
    expect(requests[0]?.text).toContain(`${wide.slice(0, -3)}es`)
    expect(tty.lines(true).join('')).toContain('答えは四十二です。'.repeat(4))
    tty.type(`/exit${ENTER}`)
    expect((await tty.exit).exitCode).toBe(0)
  })

  it('a line that is typed while the window changes is sent as it was typed', async () => {
    const { requests } = await stage.scripted(say('read'))
    const tty = stage.open(['chat', ...ENGINE], { cols: 100, rows: 30 })
    await ready(tty)
    const line = 'one two three four five six seven eight nine ten eleven twelve'
    tty.type(line)
    await tty.until((all) => all.join('').includes('twelve'))
    tty.resize(24, 30)
    tty.type(' thirteen')
    await tty.until((all) => all.join('').includes('thirteen'))
    tty.resize(120, 30)
    tty.type(ENTER)
    await tty.until((all) => all.includes('read') && all.at(-1) === '>>>')
    expect(requests[0]?.text).toContain(`${line} thirteen`)
  })

  it('nothing that an agent says or does controls the terminal', async () => {
    const hostile = 'a\u001b]0;owned\u0007b\u001b[2J\u001b[?1049hc\u009b31md\u001bPq\u001b\\e\u202ef\u2066g\rh\u0008i'
    await stage.scripted(bash(`git push # ${hostile}`), { reply: { say: hostile, pieces: 12, gapMs: 20 } })
    const tty = stage.open(['chat', ...ENGINE], { cols: 200, rows: 40 })
    await ready(tty)
    tty.type(`go${ENTER}`)
    const asked = await tty.until((all) => all.at(-1)?.startsWith('[y]es') ?? false)
    // What is asked for is spelled out: what does not show could be what matters.
    expect(asked.join('\n')).toContain(String.raw`git push # a\u{1b}]0;owned\u{7}b\u{1b}[2J`)
    tty.type(`n${ENTER}`)
    await tty.until((all) => all.some((line) => line.startsWith('[agent_done')) && all.at(-1) === '>>>')
    // What Belay's own line editor and dimmed lines use, and nothing else.
    // oxlint-disable-next-line no-control-regex -- escape sequences are what is looked for
    const own = /\u001b\[(?:\?2004[hl]|2m|22m|\d*G|0J|0K|\d*[ABCD])/g
    const others = /(?![\r\n])[\p{Cc}\u202a-\u202e\u2066-\u2069].{0,20}/gu
    expect(
      tty.raw
        .replace(own, '')
        .match(others)
        ?.map((one) => JSON.stringify(one)),
    ).toBeUndefined()
    expect(tty.lines().join('\n')).toContain('>>> go')
  })

  it('an agent that dies in its turn is told, and the chat goes on', async () => {
    stage.world.config().unconfined()
    stage.world.script({
      implementer: { exec: [{ sh: 'kill -9 $PPID' }, { lines: [{ type: 'message', text: 'alive' }] }] },
      byCall: true,
    })
    const tty = stage.open(['chat', '--agent', 'command'], { cols: 160 })
    await ready(tty)
    tty.type(`die${ENTER}`)
    await tty.until((all) => all.some((line) => line.startsWith('[protocol: ')) && all.at(-1) === '>>>')
    tty.type(`again${ENTER}`)
    await tty.until((all) => all.includes('alive') && all.at(-1) === '>>>')
  })

  it('kill -9 in a turn: the session is free at once, the turn is shown as cut off, and is gone on with', async () => {
    const { requests, reached } = await stage.scripted(say('heron'), { reply: { hang: true } }, say('It was heron.'))
    const tty = stage.open(['chat', ...ENGINE, '--session', 's'])
    await ready(tty)
    tty.type(`Remember a word.${ENTER}`)
    await tty.until((all) => all.includes('heron') && all.at(-1) === '>>>')
    tty.type(`Wait.${ENTER}`)
    await reached(1)
    process.kill(tty.pid, 'SIGKILL')
    await tty.exit
    const again = stage.open(['session', 'resume', 's'])
    await ready(again)
    again.type(`/history${ENTER}`)
    await again.until((all) => all.some((line) => /^2 .* cut off$/.test(line)) && all.at(-1) === '>>>')
    again.type(`Which word?${ENTER}`)
    await again.until((all) => all.includes('It was heron.') && all.at(-1) === '>>>')
    expect(requests.at(-1)?.text).toContain('Remember a word.')
  })
})
