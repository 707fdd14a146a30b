import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { asked, bash, CTRL_C, CTRL_D, ENGINE, ENTER, noTerminal, ready, say, UP, useStage } from './support/stage.ts'
import type { Terminal, TerminalOptions } from './support/terminal.ts'
import type { Turn } from './support/world.ts'

const stage = useStage()

function open(args: readonly string[] = [], options: TerminalOptions = {}): Terminal {
  return stage.open(['chat', ...args], options)
}

describe.skipIf(noTerminal)('belay chat in a terminal', () => {
  it('streams answers, shows what is done, and remembers the conversation', async () => {
    const { requests } = await stage.scripted(
      bash('echo 4711'),
      say('The number is 4711, word for word.', 6),
      say('It was 4711.'),
    )
    const tty = open([...ENGINE, '--session', 's'])
    const greeting = await ready(tty)
    expect(greeting[0]).toMatch(/^belay chat: engine anthropic\/claude-sonnet-5 in \S+\/repo, session s; \/help/)
    tty.type(`say the number${ENTER}`)
    const lines = await tty.until((all) => all.some((line) => line.startsWith('[agent_done')) && all.at(-1) === '>>>')
    expect(lines).toContain('>>> say the number')
    expect(lines.some((line) => line.startsWith('> ') && line.includes('echo 4711'))).toBe(true)
    expect(lines).toContain('The number is 4711, word for word.')
    expect(lines.some((line) => /^\[agent_done: 2 steps, \d+ tokens, \$[\d.]+\]$/.test(line))).toBe(true)
    tty.type(`again?${ENTER}`)
    await tty.until((all) => all.includes('It was 4711.') && all.at(-1) === '>>>')
    expect(requests.at(-1)?.text).toContain('say the number')
    tty.type(CTRL_D)
    expect((await tty.exit).exitCode).toBe(0)
    expect(tty.cursorShown).toBe(true)
    expect((await stage.world.belay(['session', 'show', 's'])).stdout).toContain('> again?\nIt was 4711.\n')
  })

  it('asks for approval inline, and takes yes, always, and no with a reason', async () => {
    const { requests } = await stage.scripted(
      bash('git push origin main'),
      bash('git push origin main'),
      bash('git push origin main'),
      bash('git push origin main'),
      say('done'),
      bash('git push origin dev'),
    )
    const tty = open([...ENGINE])
    await ready(tty)
    tty.type(`push${ENTER}`)
    expect((await asked(tty)).join('\n')).toContain('may the agent do this? git push origin main')
    tty.type(`what?${ENTER}`)
    await tty.until(
      (all) => all.some((line) => line.includes('please answer')) && all.at(-1)?.endsWith('[n]o:') === true,
    )
    tty.type(`no not yet${ENTER}`)
    await asked(tty, 2)
    tty.type(`y${ENTER}`)
    await asked(tty, 3)
    tty.type(`always${ENTER}`)
    const answered = await tty.until((all) => all.includes('done') && all.at(-1) === '>>>')
    expect(requests[1]?.text).toContain('a person said no: not yet')
    // Run once for the yes and twice for the always, the second time without a question.
    const runs = (n: number): number => requests[n]?.text.match(/src refspec main does not match any/g)?.length ?? 0
    expect([1, 2, 3, 4].map(runs)).toEqual([0, 1, 2, 3])
    expect(answered.filter((line) => line.includes('may the agent'))).toHaveLength(3)
    // The answers are no prompts to come back to.
    tty.type(UP)
    await tty.until((all) => all.at(-1) === '>>> push')
    tty.type(`${CTRL_C}commit${ENTER}`)
    await tty.until((all) => all.at(-1)?.startsWith('[y]es') ?? false)
    tty.type(CTRL_C)
    const lines = await tty.until(
      (all) =>
        all.at(-1) === '>>>' && all.some((line) => line.startsWith('[cancelled') || line.startsWith('[interrupted')),
    )
    expect(lines.join('\n')).toContain('(stopping; Ctrl-C again leaves)')
    tty.type(`/exit${ENTER}`)
    expect((await tty.exit).exitCode).toBe(0)
    expect(stage.model?.requests).toHaveLength(6)
  })

  it('what was typed before a question is no answer to it', async () => {
    const { requests } = await stage.scripted(
      bash('until [ -e go ]; do sleep 0.05; done'),
      bash('git push origin main'),
      say('It was not pushed.'),
    )
    const tty = open([...ENGINE])
    await ready(tty)
    tty.type(`push${ENTER}`)
    await tty.until((lines) => lines.some((line) => line.includes('> bash: until')))
    tty.type(`y${ENTER}`)
    stage.world.files({ go: '' })
    await tty.until((lines) => lines.at(-1)?.endsWith('[n]o:') === true)
    tty.type(`n${ENTER}`)
    await tty.until((lines) => lines.includes('It was not pushed.') && lines.at(-1) === '>>>')
    expect(requests[2]?.text).toContain('a person said n')
  })

  it('a window that changes leaves a streaming answer alone, and a huge paste is taken at once', async () => {
    const words = Array.from({ length: 60 }, (_, i) => `word-${i}`).join(' ')
    const { requests } = await stage.scripted({ reply: { say: words, pieces: 60, gapMs: 20 } }, say('read'))
    const tty = open([...ENGINE], { cols: 1000 })
    await ready(tty)
    tty.type(`go${ENTER}`)
    await tty.until((lines) => lines.some((line) => line.includes('word-3 ')))
    tty.resize(900, 20)
    await tty.until((lines) => lines.some((line) => line.includes('word-20 ')))
    tty.resize(950, 40)
    await tty.until((lines) => lines.includes(words) && lines.at(-1) === '>>>')
    const text = 'x'.repeat(100_000)
    tty.type(`\u001b[200~${text}\n\u001b[201~end${ENTER}`)
    await tty.until((lines) => lines.includes('read') && lines.at(-1) === '>>>')
    expect(requests[1]?.text).toContain(`${text}\nend`)
  })

  it('takes a command only as it is written, and shows the tools of the definition', async () => {
    await stage.scripted()
    stage.world.files({
      '.belay/agents/reader.md': '---\ntools: [read, gl*, mcp__files__*]\n---\n',
      '.belay/mcp.json': JSON.stringify({ mcpServers: { files: { command: 'mcp-files' } } }),
    })
    const tty = open([...ENGINE, '--definition', 'reader'])
    await ready(tty)
    tty.type(`/clear all of it${ENTER}`)
    await tty.until((lines) => lines.includes('/clear takes nothing after it, and did nothing: all of it'))
    tty.type(`/tools${ENTER}`)
    const lines = await tty.until(
      (all) => all.some((line) => line.startsWith('mcp__files__*: ')) && all.at(-1) === '>>>',
    )
    expect(lines.flatMap((line) => /^(\w+) +(?:read|write) /.exec(line)?.[1] ?? [])).toEqual(['read', 'glob'])
  })

  it('Ctrl-C: once ends the turn, at an empty prompt twice leaves', async () => {
    await stage.scripted(bash('sleep 1000'), say('still here'))
    const tty = open([...ENGINE, '--session', 's'])
    await ready(tty)
    tty.type(`wait${ENTER}`)
    await tty.until((all) => all.some((line) => line.includes('sleep 1000')))
    tty.type(CTRL_C)
    await tty.until((all) => all.some((line) => line.startsWith('[cancelled')) && all.at(-1) === '>>>')
    tty.type(`and now?${ENTER}`)
    await tty.until((all) => all.includes('still here') && all.at(-1) === '>>>')
    tty.type(`half a line${CTRL_C}`)
    await ready(tty)
    tty.type(CTRL_C)
    await tty.until((all) => all.some((line) => line.startsWith('(Ctrl-C again')))
    tty.type(CTRL_C)
    expect((await tty.exit).exitCode).toBe(130)
    expect(tty.cursorShown).toBe(true)
    expect((await stage.world.json(['session', 'info', 's'])).session).toMatchObject({ status: 'ready', turns: 2 })
  })

  it('what is pasted behind its end disturbs nobody', async () => {
    await stage.scripted()
    const tty = open([...ENGINE])
    await ready(tty)
    tty.type(`${CTRL_D}\u001b[200~too late\u001b[201~${ENTER}`)
    expect((await tty.exit).exitCode).toBe(0)
  })

  it('edits several lines, pastes, completes, and keeps its history over chats', async () => {
    const { requests } = await stage.scripted(say('one'), say('two'), say('three'), say('four'))
    stage.world.files({ 'notes/reading-list.md': 'x\n' })
    const tty = open([...ENGINE])
    await ready(tty)
    tty.type(`first line\\${ENTER}`)
    await tty.until((all) => all.at(-1) === '...')
    tty.type(`second line${ENTER}`)
    await tty.until((all) => all.includes('one') && all.at(-1) === '>>>')
    expect(requests[0]?.text).toContain('first line\nsecond line')
    tty.type('\u001b[200~pasted\r\nin two lines\u001b[201~')
    await tty.until((all) => all.at(-1) === '>>> pasted\u23cein two lines')
    tty.type(ENTER)
    await tty.until((all) => all.includes('two') && all.at(-1) === '>>>')
    expect(requests[1]?.text).toContain('pasted\nin two lines')
    tty.type(`alt\u001b\renter${ENTER}`)
    await tty.until((all) => all.includes('three') && all.at(-1) === '>>>')
    expect(requests[2]?.text).toContain('alt\nenter')
    tty.type('read @notes/rea\t')
    await tty.until((all) => all.at(-1) === '>>> read @notes/reading-list.md')
    tty.type(`${CTRL_C}/sta\t`)
    await tty.until((all) => all.at(-1) === '>>> /status')
    tty.type(`${CTRL_C}${UP}`)
    await tty.until((all) => all.at(-1) === '>>> alt\u23ceenter')
    tty.type(`${CTRL_C}/exit${ENTER}`)
    expect((await tty.exit).exitCode).toBe(0)
    tty.dispose()
    const next = open([...ENGINE])
    await ready(next)
    next.type(`${UP}${UP}${ENTER}`)
    await next.until((all) => all.includes('four') && all.at(-1) === '>>>')
    expect(requests[3]?.text).toContain('alt\nenter')
  })

  it('has the commands of the session layer', async () => {
    await stage.scripted(bash('echo x > made.txt'), say('made it'), say('fresh'))
    stage.world.files({
      'AGENTS.md': 'whistle\n',
      '.belay/skills/sing/SKILL.md': '---\nname: sing\ndescription: sings a song\n---\nla la\n',
    })
    const tty = open([...ENGINE, '--session', 's'], { rows: 60, cols: 220 })
    await ready(tty)
    /** What a line shows, once its prompt is back. */
    const run = async (line: string): Promise<string> => {
      const before = tty.lines(true).length
      tty.type(`${line}${ENTER}`)
      await tty.until((all) => all.at(-1) === '>>>' && tty.lines(true).length > before)
      return tty.lines(true).slice(before).join('\n')
    }
    await run('make it')
    for (const name of [
      '/help',
      '/status',
      '/history',
      '/clear',
      '/skills',
      '/memory',
      '/tools',
      '/files',
      '/reset',
      '/save',
      '/load',
      '/exit',
    ])
      expect(await run('/help')).toContain(name)
    expect(await run('/status')).toMatch(
      /session +s\nagent +engine anthropic\/claude-sonnet-5[\s\S]*turns +1 \(1 in this chat\)/,
    )
    expect(await run('/history')).toMatch(/1 {2}.* engine {2}agent_done\n +> make it\n +made it/)
    expect(await run('/skills')).toContain('sing: sings a song')
    expect(await run('/memory')).toContain('AGENTS.md (7 characters)')
    expect(await run('/tools')).toMatch(/^bash +write /m)
    expect(await run('/files')).toContain('?? made.txt')
    expect(await run('/stats')).toContain('there is no command /stats; did you mean /status?')
    expect(await run('/save')).toContain('/save needs the name of a file')
    expect(await run('/save out.jsonl')).toContain('saved s as ')
    expect(await run('/save out.jsonl')).toContain('[file_not_written]')
    expect(await run('/clear')).toContain('the conversation begins anew')
    expect(await run('/history')).toContain('nothing was said yet')
    await run('who am I?')
    expect(stage.model?.requests.at(-1)?.text).not.toContain('made it')
    expect(await run('/reset')).toMatch(/session \d{8}-\d{6}-\w{6}; the one before is s/)
    expect(await run('/load nothing.jsonl')).toContain('[file_unreadable]')
    expect(await run('/load out.jsonl')).toMatch(/session \S+, 1 turns/)
    expect(await run('/history')).toContain('> make it')
    tty.type(`/quit${ENTER}`)
    expect((await tty.exit).exitCode).toBe(0)
    // The empty one of /reset is gone, the loaded one is there.
    const { sessions } = await stage.world.json<{ sessions: { id: string; turns: number }[] }>(['session', 'list'])
    expect(sessions.map(({ turns }) => turns).toSorted((a, b) => a - b)).toEqual([1, 2])
    expect(readFileSync(join(stage.world.repo, 'out.jsonl'), 'utf8')).toContain('"made it"')
  })

  it('goes on with a session that another process holds only when it is free', async () => {
    await stage.scripted(say('hi'), say('welcome back'))
    const tty = open([...ENGINE, '--session', 's'])
    await ready(tty)
    tty.type(`hello${ENTER}`)
    await tty.until((all) => all.includes('hi') && all.at(-1) === '>>>')
    const held = await stage.world.belay(['chat', ...ENGINE, '--session', 's'])
    expect([held.code, held.stderr]).toEqual([2, expect.stringMatching(/session s is in use: belay chat, process \d+/)])
    tty.type(CTRL_D)
    await tty.exit
    tty.dispose()
    const again = stage.open(['session', 'resume', 's'])
    const lines = await ready(again)
    expect(lines.join('\n')).toContain('1 turns so far; last: hello -> hi')
    again.type(`back${ENTER}`)
    await again.until((all) => all.includes('welcome back') && all.at(-1) === '>>>')
  })
})

describe('belay chat in a pipe', () => {
  it('takes a prompt per line, prints only answers on stdout, and denies what needs approval', async () => {
    const { requests } = await stage.scripted(say('one'), bash('git push origin main'), say('two'))
    const { code, stdout, stderr } = await stage.world.belay(['chat', ...ENGINE], {
      input: 'first\\\nstill first\nsecond\n/history\n',
    })
    expect([code, stdout]).toEqual([0, 'one\ntwo\n'])
    expect(requests[0]?.text).toContain('first\nstill first')
    expect(stderr).toContain('denied: git push origin main')
    expect(stderr).toContain('> second')
    expect(stderr).not.toContain('\u001b')
  })

  it('keeps the policy that its session began with, until --update-policy', async () => {
    const { requests } = await stage.scripted(say('hello'), bash('frob x'), say('one'), bash('frob x'), say('two'))
    const chat = (...more: string[]) =>
      stage.world.belay(['chat', ...ENGINE, '--session', 's', ...more], { input: 'go on\n' })
    await chat()
    stage.world.files({ 'belay.yaml': 'policy: {commands: {deny: ["frob"]}}\n' })
    expect((await chat()).stderr).toContain('--update-policy adopts the new one')
    expect(requests[2]?.text).not.toContain('policy/deny-1')
    expect((await chat('--update-policy')).stderr).not.toContain('adopts the new one')
    expect(requests[4]?.text).toContain('policy/deny-1')
  })

  it('works with any agent, and ends with the status of the last turn', async () => {
    stage.world.config().unconfined()
    const turns: Turn[] = [
      { lines: [{ type: 'message', text: 'hello' }] },
      { error: { code: 'quota', message: 'used up' } },
    ]
    stage.world.script({ implementer: { exec: turns }, byCall: true })
    const { code, stdout, stderr } = await stage.world.belay(['chat', '--agent', 'command', '--session', 's'], {
      input: 'hi\n/tools\n/skills\nmore\n',
    })
    expect([code, stdout]).toEqual([5, 'hello\n'])
    expect(stderr).toContain('command brings its own tools, which only it knows')
    expect(stderr).toContain('used up')
    expect((await stage.world.json(['session', 'info', 's'])).session).toMatchObject({ turns: 2 })
  })

  it('leaves no session behind in which nothing was said', async () => {
    await stage.scripted()
    expect(await stage.world.belay(['chat', ...ENGINE], { input: '/status\n/exit\n' })).toMatchObject({
      code: 0,
      stdout: '',
    })
    expect((await stage.world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
    expect(existsSync(join(stage.world.home, 'chat-history.json'))).toBe(false)
  })
})
