import { appendFileSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World, collect, said, type Turn } from './support/world.ts'

let world: World
beforeEach(() => {
  world = new World()
  world.config().unconfined()
})
afterEach(() => world.dispose())

function agent(...turns: readonly Turn[]): void {
  world.script({ implementer: { exec: turns }, byCall: true })
}

function say(text: string): Turn {
  return { lines: [{ type: 'message', text }] }
}

const folder = (id: string): string => join(world.home, 'sessions', id)

describe('belay session', () => {
  it('says so when there is none', async () => {
    expect(await world.belay(['session', 'list'])).toMatchObject({ code: 0, stdout: 'No sessions found.\n' })
    expect(await world.json(['session', 'list'])).toEqual({ sessions: [] })
    const { code, stderr } = await world.belay(['session', 'info', 'x'])
    expect(code).toBe(2)
    expect(stderr).toContain('there is no session "x" [session_unknown]')
  })

  it('goes no further than the session did before, unless it is told to', async () => {
    agent(say('one'), say('two'), say('three'), say('four'))
    const access = async (...args: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await world.belay([...args, '--json'])
      expect(stderr).toBe('')
      expect(code).toBe(0)
      return (JSON.parse(stdout.split('\n', 1)[0] ?? '') as { data: { access: unknown } }).data.access
    }
    expect(await access('exec', 'look', '--session', 'look', '--access', 'read-only', '--sandbox', 'host')).toBe(
      'read-only',
    )
    expect(await access('session', 'resume', 'look', 'again')).toBe('read-only')
    expect(await world.json(['session', 'info', 'look'])).toMatchObject({
      session: { access: 'read-only', sandbox: 'host' },
    })
    const file = join(world.dir, 'look.jsonl')
    writeFileSync(file, (await world.belay(['session', 'export', 'look'])).stdout)
    expect((await world.belay(['session', 'import', file, '--id', 'copy'])).code).toBe(0)
    expect(await world.json(['session', 'info', 'copy'])).toMatchObject({
      session: { access: 'read-only', sandbox: null },
    })
    expect(await access('exec', 'write', '--session', 'look', '--access', 'workspace-write')).toBe('workspace-write')
    expect(await access('exec', 'on', '--session', 'look')).toBe('workspace-write')
  })

  it('says what nothing keeps, and refuses a model for an agent that cannot be told one', async () => {
    agent(say('one'))
    const { code, stderr } = await world.belay(['exec', 'look', '--access', 'read-only', '--sandbox', 'host'])
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('warning: nothing enforces read-only: command does not'),
    ])
    const refused = await world.belay(['exec', 'look', '--agent', 'command', '--model', 'opus'])
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      2,
      '',
      expect.stringContaining('command cannot be told which model to use [model_unsupported]'),
    ])
    expect(((await world.json(['session', 'list'])).sessions as unknown[]).length).toBe(1)
  })

  it('lists, informs about, shows and goes on with a session', async () => {
    agent(say('found it'), say('mended'))
    expect(await world.belay(['exec', 'find the bug', '--session', 'bug'])).toMatchObject({
      code: 0,
      stdout: 'found it\n',
    })
    const table = (await world.belay(['session', 'list'])).stdout.split('\n')
    expect(table[0]).toMatch(/^SESSION ID +STATUS +LAST USED +TURNS +AGENT +REPO +SIZE +TITLE$/)
    expect(table[1]).toMatch(/^bug +ready +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +1 +command +\S+ +[\d.]+ K?B +find the bug$/)
    const resumed = await world.belay(['session', 'resume', 'bug', 'mend it'], { cwd: world.dir })
    expect(resumed).toMatchObject({ code: 0, stdout: 'mended\n' })
    const { stdout } = await world.belay(['session', 'show', 'bug'])
    expect(stdout).toMatch(
      /^turn 1 {2}.* {2}command\n> find the bug\nfound it\n-- done\n\nturn 2 {2}.* {2}command\n> mend it\nmended\n-- done\n$/,
    )
    expect((await world.belay(['session', 'show', 'bug', '--items'])).stdout).toContain('  [message] found it\n')
    const info = (await world.belay(['session', 'info', 'bug'])).stdout
    expect(info).toMatch(/^turns +2$/m)
    expect(info).toMatch(/^status +ready$/m)
    expect(await world.json(['session', 'info', 'bug'])).toMatchObject({
      session: {
        id: 'bug',
        status: 'ready',
        turns: 2,
        agent: 'command',
        holder: null,
        path: folder('bug'),
        cwd: world.repo,
      },
    })
    const { entries } = await world.json<{ entries: { type: string }[] }>(['session', 'show', 'bug'])
    expect(entries.map(({ type }) => type)).toEqual(['turn', 'turn_ended', 'turn', 'turn_ended'])
  })

  it('goes on with an imported session where the user stands, whatever its file says', async () => {
    agent(say('one'))
    const time = new Date().toISOString()
    const header = {
      type: 'session',
      schema: 1,
      id: 'theirs',
      created_at: time,
      meta: { cwd: world.dir, provider: 'command' },
    }
    const later = { time, type: 'of_a_later_belay', text: 'x' }
    const file = join(world.dir, 'theirs.jsonl')
    writeFileSync(file, `${JSON.stringify(header)}\n${JSON.stringify(later)}\n`)
    expect(await world.belay(['session', 'import', file])).toMatchObject({
      code: 0,
      stdout: 'imported theirs (0 turns)\n',
    })
    expect(await world.belay(['session', 'resume', 'theirs', 'go on'])).toMatchObject({ code: 0, stdout: 'one\n' })
    expect(await world.json(['session', 'info', 'theirs'])).toMatchObject({ session: { cwd: world.repo } })
    const shown = (await world.belay(['session', 'show', 'theirs', '--items'])).stdout
    expect(shown).toMatch(/^turn 1 .*\n> go on\n/)
    expect(shown).not.toContain('undefined')
  })

  it('a state folder that cannot be made is told as that', async () => {
    agent(say('one'))
    writeFileSync(join(world.dir, 'file'), '')
    for (const words of [['session', 'list'], ['session', 'cleanup'], ['exec', 'x'], ['chat']]) {
      const { code, stderr } = await world.belay(words, {
        env: { BELAY_HOME: join(world.dir, 'file', 'home') },
        input: 'hi\n',
      })
      expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining('[folder_unusable]')])
      expect(code).not.toBe(0)
      expect(stderr).not.toContain('fault of Belay')
    }
  })

  it('refuses ids that lead elsewhere', async () => {
    for (const id of ['..', '../repo', 'a/b', '...']) {
      for (const words of [
        ['session', 'delete', id, '--force'],
        ['session', 'info', id],
        ['exec', 'x', '--session', id],
      ]) {
        const { code, stderr } = await world.belay(words)
        expect([code, stderr]).toEqual([2, expect.stringContaining('[session_id_invalid]')])
      }
    }
    expect(existsSync(join(world.repo, 'belay.yaml'))).toBe(true)
  })

  it('lets one process work, tells the other who does, and goes on after kill -9', async () => {
    agent({ ...say('at work'), hang: true }, say('again'))
    const first = world.start(['exec', 'long work', '--session', 's', '--json'])
    const ended = collect(first)
    await said(first, 'at work')
    const held = await world.belay(['exec', 'me too', '--session', 's'])
    expect(held.code).toBe(2)
    expect(held.stderr).toContain(`session s is in use: belay exec, process ${first.pid} on `)
    expect(held.stderr).toContain('[held]')
    expect((await world.json(['exec', 'me too', '--session', 's'])).error).toMatchObject({ code: 'held' })
    expect(await world.json(['session', 'list'])).toMatchObject({
      sessions: [{ id: 's', status: 'locked', holder: { purpose: 'exec', pid: first.pid } }],
    })
    expect((await world.belay(['session', 'delete', 's'])).stderr).toContain('[held]')
    expect((await world.belay(['session', 'cleanup', '--older-than', '0s'])).stdout).toContain('kept s: in use')
    first.kill('SIGKILL')
    await ended
    expect(await world.belay(['exec', 'go on', '--session', 's'])).toMatchObject({ code: 0, stdout: 'again\n' })
    const shown = (await world.belay(['session', 'show', 's', '--items'])).stdout
    expect(shown).toContain('> long work\n  [message] at work\n-- cut off\n\nturn 2')
    // An agent that keeps no conversation is told what happened before it.
    const [, second] = world.requests()
    expect(second?.['prompt']).toMatch(
      /## Step 1: command, cut off\nAsked:\n```\nlong work\n```[\s\S]*## Your task\ngo on$/,
    )
  })

  it('unlock takes a session away from one that will not give it back', async () => {
    agent({}, { ...say('at work'), hang: true })
    expect((await world.belay(['exec', 'first', '--session', 'free', '--agent', 'command'])).code).toBe(0)
    expect((await world.belay(['session', 'unlock', 'free'])).stdout).toBe('session free is not locked\n')
    const child = world.start(['exec', 'work', '--session', 's', '--json'])
    const ended = collect(child)
    await said(child, 'at work')
    const { stdout } = await world.belay(['session', 'unlock', 's'])
    expect(stdout).toContain(`unlocked s; it was held by belay exec, process ${child.pid}`)
    child.kill('SIGTERM')
    // It may not write any more, which it says.
    expect(await ended).toMatchObject({ code: 2, stdout: expect.stringContaining('"session_lost"') })
  })

  it('drops a torn entry and says so', async () => {
    agent(say('one'), say('two'))
    await world.belay(['exec', 'a', '--session', 's'])
    appendFileSync(join(folder('s'), 'session.jsonl'), '{"type":"item","tur')
    expect((await world.belay(['session', 'show', 's'])).stderr).toContain(
      'the last entry was cut off by a crash (19 bytes)',
    )
    const { code, stderr } = await world.belay(['exec', 'b', '--session', 's'])
    expect(code).toBe(0)
    expect(stderr).toContain('warning: the last entry of session s was cut off by a crash and was dropped (19 bytes)')
    expect((await world.belay(['exec', 'c', '--session', 's'])).stderr).not.toContain('cut off')
  })

  it('export and import round-trip', async () => {
    agent(say('one'), say('two'))
    await world.belay(['exec', 'a', '--session', 's'])
    const { stdout } = await world.belay(['session', 'export', 's'])
    expect(
      stdout
        .split('\n')
        .filter(Boolean)
        .every((line) => typeof JSON.parse(line) === 'object'),
    ).toBe(true)
    expect((await world.belay(['session', 'export', 's', '--output', 'out.jsonl'])).code).toBe(0)
    expect(world.read('out.jsonl')).toBe(stdout)
    expect((await world.belay(['session', 'export', 's', '--output', 'out.jsonl'])).stderr).toContain(
      '[file_not_written]',
    )
    expect((await world.belay(['session', 'import', 'out.jsonl'])).stderr).toContain('[session_exists]')
    expect((await world.belay(['session', 'import', 'out.jsonl', '--id', 'copy'])).stdout).toBe(
      'imported copy (1 turn)\n',
    )
    expect((await world.belay(['session', 'import', '-', '--id', 'piped'], { input: stdout })).code).toBe(0)
    expect((await world.belay(['session', 'show', 'copy', '--items'])).stdout).toBe(
      (await world.belay(['session', 'show', 's', '--items'])).stdout,
    )
    type Shown = { session: Record<string, unknown> }
    const [original, copy] = await Promise.all(['s', 'copy'].map((id) => world.json<Shown>(['session', 'show', id])))
    expect(copy?.session).toMatchObject({ created_at: original?.session['created_at'], turns: 1 })
    expect(copy?.session['size_bytes']).toEqual(expect.any(Number))
    expect((await world.belay(['exec', 'b', '--session', 'copy'])).stdout).toBe('two\n')
    const refused = await world.belay(['session', 'import', 'belay.yaml'])
    expect(refused.stderr).toMatch(/\[session_damaged\][^]*next: +belay session export/)
  })

  it('delete and cleanup remove what they say', async () => {
    agent({})
    for (const id of ['a', 'b']) await world.belay(['exec', 'x', '--session', id])
    expect((await world.belay(['session', 'delete', 'a'])).stdout).toBe('deleted a\n')
    expect(existsSync(folder('a'))).toBe(false)
    expect((await world.belay(['session', 'cleanup'])).stdout).toBe('')
    expect((await world.belay(['session', 'cleanup', '--older-than', '0s', '--dry-run'])).stdout).toBe(
      'would delete b\n',
    )
    expect(existsSync(folder('b'))).toBe(true)
    expect(await world.json(['session', 'cleanup', '--older-than', '0s'])).toMatchObject({
      deleted: ['b'],
      dry_run: false,
    })
    expect(readdirSync(join(world.home, 'sessions'))).toEqual([])
    const wrong = await world.belay(['session', 'cleanup', '--older-than', 'soon'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('an age such as 36h, 7d or 8w')])
  })

  it('keeps its files to the user alone', async () => {
    agent({})
    await world.belay(['exec', 'x', '--session', 'a'])
    expect(statSync(folder('a')).mode & 0o077).toBe(0)
    expect(statSync(join(folder('a'), 'session.jsonl')).mode & 0o077).toBe(0)
    expect(readFileSync(join(folder('a'), 'session.jsonl'), 'utf8')).toMatch(/^\{"type":"session","schema":1,"id":"a",/)
  })
})
