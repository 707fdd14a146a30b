/** Agents that work together in one session: who is locked out while another works, and what happens to their work. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World, collect, said, type Turn } from './support/world.ts'

let world: World
beforeEach(() => {
  world = new World()
  world.config().unconfined().files({ 'README.md': 'hello\n' }).commit('first')
})
afterEach(() => world.dispose())

function agent(...turns: readonly Turn[]): void {
  world.script({ implementer: { exec: turns }, byCall: true })
}

function git(...args: readonly string[]): string {
  const cwd = join(world.home, 'workspaces', 'session', 's', 'main')
  return execFileSync('git', args, { cwd, env: world.env, encoding: 'utf8' }).trimEnd()
}

const SEQUENTIAL = ['--session', 's', '--collaboration', 'sequential']
const part = (name: string): string[] => ['--session', 's', '--collaboration', 'parallel', '--part', name]
const message = (text: string): unknown => ({ type: 'message', text })

interface Entry {
  readonly type: string
  readonly turn?: number
  readonly status?: string
  readonly finishReason?: string
  readonly files?: readonly string[]
}

async function entries(): Promise<Entry[]> {
  return (await world.json<{ entries: Entry[] }>(['session', 'show', 's'])).entries
}

describe('sequential work', () => {
  it('a holder that is stopped keeps the others out, and loses the session only when it is taken away', async () => {
    agent({ files: { 'half.txt': 'half\n' }, lines: [message('at work')], hang: true }, { files: { 'two.txt': '2\n' } })
    const first = world.start(['exec', 'make one', ...SEQUENTIAL, '--json'])
    const ended = collect(first)
    await said(first, 'at work')
    first.kill('SIGSTOP')
    const held = await world.belay(['exec', 'make two', '--session', 's'])
    expect(held.code).toBe(2)
    expect(held.stderr).toContain(`session s is in use: belay exec, process ${first.pid} on `)
    expect(held.stderr).toContain('which is stopped')
    expect(held.stderr).toContain(`kill -CONT ${first.pid}`)
    expect(world.requests()).toHaveLength(1)

    expect((await world.belay(['session', 'unlock', 's'])).code).toBe(0)
    const second = await world.belay(['exec', 'make two', '--session', 's'])
    expect(second.code, second.stderr).toBe(0)
    const log = git('log', '--format=%s').split('\n')
    expect(log).toEqual(['make two', 'make one (cut off)', 'first'])
    expect(String(world.requests()[1]?.['prompt'])).toMatch(
      /## Step 1: command, interrupted\n[^]*Files changed: half\.txt/,
    )

    // It wakes up: its agent is gone, and nothing that it does counts any more.
    writeFileSync(join(world.home, 'workspaces', 'session', 's', 'main', 'later.txt'), 'somebody at work\n')
    first.kill('SIGCONT')
    const gone = await ended
    expect(gone.code).not.toBe(0)
    expect(gone.stdout).toContain('session_lost')
    expect(git('log', '--format=%s').split('\n')).toEqual(log)
    expect(git('status', '--porcelain')).toBe('?? later.txt')
    expect((await entries()).map(({ type, turn, status }) => [type, turn, status])).toEqual([
      ['turn', 1, undefined],
      ['turn_ended', 1, 'interrupted'],
      ['turn', 2, undefined],
      ['turn_ended', 2, 'done'],
    ])
  })

  it('of two processes that begin at once one works and the other is told who does', async () => {
    const go = join(world.dir, 'go')
    agent({ files: { 'made.txt': 'x\n' }, sh: `until [ -e ${go} ]; do sleep 0.02; done` })
    const both = ['one', 'two'].map((name) => world.start(['exec', `make ${name}`, ...SEQUENTIAL]))
    const ends = both.map(async (child, i) => ({ ...(await collect(child)), i }))
    const refused = await Promise.race(ends)
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('[held]')])
    expect(refused.stderr).toContain(`process ${both[1 - refused.i]?.pid} on `)
    writeFileSync(go, '')
    const [one, two] = await Promise.all(ends)
    expect(new Set([one?.code, two?.code])).toEqual(new Set([0, 2]))
    expect(git('log', '--format=%s').split('\n')).toEqual([`make ${refused.i === 0 ? 'two' : 'one'}`, 'first'])
    expect(world.requests()).toHaveLength(1)
  })

  it('what a killed turn left, its processes included, ends with it and is kept as that turn’s own', async () => {
    const beat = join(world.dir, 'beat')
    agent(
      {
        files: { 'half.txt': 'half\n' },
        sh: `setsid bash -c 'trap "" TERM; while :; do date +%N > ${beat}; sleep 0.02; done' </dev/null >/dev/null 2>&1 & until [ -e ${beat} ]; do sleep 0.02; done; git -c user.name=A -c user.email=a@b commit -q --allow-empty -m "by the agent"`,
        lines: [message('at work')],
        hang: true,
      },
      { files: { 'two.txt': '2\n' } },
    )
    const first = world.start(['exec', 'make one', ...SEQUENTIAL, '--json'])
    const ended = collect(first)
    await said(first, 'at work')
    first.kill('SIGKILL')
    await ended
    const second = await world.belay(['exec', 'make two', '--session', 's'])
    expect(second.code, second.stderr).toBe(0)
    expect(git('log', '--format=%s').split('\n')).toEqual(['make two', 'make one (cut off)', 'by the agent', 'first'])
    expect((await entries())[1]).toMatchObject({
      type: 'turn_ended',
      finishReason: 'cut_off',
      files: ['half.txt'],
      commits: [git('rev-parse', 'HEAD~2'), git('rev-parse', 'HEAD~1')],
    })
    expect((await world.belay(['session', 'show', 's'])).stdout).toContain(
      '-- interrupted (cut_off): Belay died in this turn',
    )
    const pids = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n')
    expect(pids.filter((line) => line.includes(beat))).toEqual([])
  })
})

describe('parts', () => {
  it('that go on after they were merged are merged again, and are not deleted before', async () => {
    agent({ files: { 'one.txt': '1\n' } }, { files: { 'two.txt': '2\n' } })
    expect((await world.belay(['exec', 'one', ...part('p')])).code).toBe(0)
    expect((await world.belay(['session', 'merge', 's'])).code).toBe(0)
    expect((await world.belay(['session', 'merge', 's'])).stderr).toContain('[nothing_to_merge]')
    expect((await world.belay(['exec', 'two', '--session', 's.p'])).code).toBe(0)
    const refused = await world.belay(['session', 'delete', 's.p'])
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('commits that are not merged')])
    const merged = await world.belay(['session', 'merge', 's'])
    expect([merged.code, merged.stdout]).toEqual([0, expect.stringMatching(/^merged p into belay\/s\/result/)])
    expect(git('ls-files').split('\n')).toEqual(expect.arrayContaining(['one.txt', 'two.txt']))
    expect((await world.belay(['session', 'delete', 's.p'])).code).toBe(0)
  })

  it('that cannot be merged are told with the next thing to do', async () => {
    agent({ sh: 'basename "$PWD" > README.md' }, { sh: 'basename "$PWD" > README.md' }, { files: { 'x.txt': 'x\n' } })
    for (const name of ['a', 'b', 'c']) expect((await world.belay(['exec', `do ${name}`, ...part(name)])).code).toBe(0)
    writeFileSync(join(world.home, 'workspaces', 'session', 's', 'parts', 'c', 'open.txt'), 'x\n')
    const { code, stdout, stderr } = await world.belay(['session', 'merge', 's'])
    expect(code).toBe(3)
    expect(stdout).toContain('conflict in b (branch belay/s/b): "README.md"\nleft out c: it has changes')
    expect(stderr).toContain('belay exec "merge branch belay/s/b and resolve its conflicts" --session s\n')
    expect(stderr).toContain('belay exec "finish it, or undo it" --session s.c\n')
    expect(stderr).toContain('then: belay session merge s\n')
    expect(await world.json(['session', 'merge', 's'])).toMatchObject({
      conflicts: [{ part: 'b', branch: 'belay/s/b', files: ['README.md'] }],
      skipped: [{ part: 'c', held: false }],
    })
    expect(existsSync(join(world.home, 'workspaces', 'session', 's', 'parts', 'c', 'open.txt'))).toBe(true)
    expect(readFileSync(join(world.home, 'workspaces', 'session', 's', 'main', 'README.md'), 'utf8')).toBe('a\n')
  })
})
