/** What people do at any prompt: stop and continue it, open two at once, write names as for a shell, paths first, `| head`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CTRL_D, ENGINE, ENTER, UP, bash, asked, noTerminal, ready, say, useStage } from './support/stage.ts'
import { collect } from './support/world.ts'

const BUILT = fileURLToPath(new URL('support/built.cjs', import.meta.url))
const CTRL_Z = '\u001a'

const stage = useStage()

describe.skipIf(noTerminal)('belay chat in a shell', () => {
  it('is stopped by Ctrl-Z and goes on: in a line, in a turn, at a question', async () => {
    const { reached } = await stage.scripted(
      say('got it'),
      { reply: { say: 'a word '.repeat(40), pieces: 40, gapMs: 50 } },
      bash('git push origin main'),
      say('pushed'),
    )
    const tty = stage.open([], { program: ['/bin/bash', '--norc', '-i'], cols: 160, env: { PS1: '$ ' } })
    await tty.until((all) => all.at(-1) === '$')
    const stopped = (n: number) => (all: readonly string[]) =>
      all.filter((line) => line.includes('Stopped')).length === n && all.at(-1) === '$'
    tty.type(`'${process.execPath}' '${BUILT}' chat ${ENGINE.join(' ')}${ENTER}`)
    await ready(tty)
    tty.type('half a line')
    await tty.until((all) => all.at(-1) === '>>> half a line')
    tty.type(CTRL_Z)
    await tty.until(stopped(1))
    tty.type(`fg${ENTER}`)
    await tty.until((all) => all.at(-1) === '>>> half a line')
    tty.type(` and the rest${ENTER}`)
    await tty.until((all) => all.includes('got it') && all.at(-1) === '>>>')
    expect(stage.model?.requests[0]?.text).toContain('half a line and the rest')

    tty.type(`talk${ENTER}`)
    await reached(1)
    await tty.until((all) => all.some((line) => line.startsWith('a word')))
    tty.type(CTRL_Z)
    await tty.until(stopped(2))
    tty.type(`fg${ENTER}`)
    await tty.until((all) => all.filter((line) => line.startsWith('[agent_done')).length === 2 && all.at(-1) === '>>>')

    tty.type(`push${ENTER}`)
    await asked(tty)
    tty.type(CTRL_Z)
    await tty.until(stopped(3))
    tty.type(`fg${ENTER}`)
    await tty.until((all) => all.at(-1)?.startsWith('[y]es') ?? false)
    tty.type(`n${ENTER}`)
    await tty.until((all) => all.includes('pushed') && all.at(-1) === '>>>')
    tty.type(CTRL_D)
    await tty.until((all) => all.at(-1) === '$')
    tty.type(`exit${ENTER}`)
    await tty.exit
  })

  it('keeps prompts of chats side by side, also when a terminal is closed', async () => {
    await stage.scripted(say('one'), say('two'))
    const [first, second] = [stage.open(['chat', ...ENGINE]), stage.open(['chat', ...ENGINE])]
    await Promise.all([ready(first), ready(second)])
    first.type(`of the first${ENTER}`)
    await first.until((all) => all.includes('one') && all.at(-1) === '>>>')
    second.type(`of the second${ENTER}`)
    await second.until((all) => all.includes('two') && all.at(-1) === '>>>')
    second.type(CTRL_D)
    await second.exit
    process.kill(first.pid, 'SIGHUP')
    await first.exit
    const third = stage.open(['chat', ...ENGINE])
    await ready(third)
    third.type(UP)
    await third.until((all) => all.at(-1) === '>>> of the second')
    third.type(UP)
    await third.until((all) => all.at(-1) === '>>> of the first')
  })
})

describe('belay chat in a pipe', () => {
  it('takes file names as a shell would, and what begins with a path as a prompt', async () => {
    const { requests } = await stage.scripted(say('seen'))
    const { world } = stage
    const input = '/src/main.ts is wrong\n/save "my talk.jsonl"\n/save ~/home.jsonl\n/load ~/home.jsonl\n/srx\n'
    const { code, stdout, stderr } = await world.belay(['chat', ...ENGINE], { input })
    expect([code, stdout]).toEqual([0, 'seen\n'])
    expect(requests[0]?.messages.at(-1)?.text).toContain('/src/main.ts is wrong')
    expect(world.has('my talk.jsonl')).toBe(true)
    expect(existsSync(join(world.env['HOME'] ?? '', 'home.jsonl'))).toBe(true)
    expect(stderr).toContain(', 1 turns')
    expect(stderr).toContain('there is no command /srx')
  })

  it('takes no further turn when nobody reads the answers any more', async () => {
    await stage.scripted({ ...say('answer'), every: true })
    const prompts = Array.from({ length: 200 }, (_, n) => `prompt ${n}`).join('\\n')
    const command = `'${process.execPath}' '${BUILT}' chat ${ENGINE.join(' ')}`
    const line = `printf '${prompts}\\n' | ${command} 2>/dev/null | head -n 1`
    const { stdout } = await collect(stage.world.startCommand(['/bin/bash', '-c', line]))
    expect(stdout).toBe('answer\n')
    expect(stage.model?.requests.length).toBeLessThan(100)
  })
})
