/** Agents that work together in a session: kill -9 at the boundaries of a merge of parts, and of the handoff between agents. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { World, collect, type Result, type Turn } from '../support/world.ts'
import { filesBelow } from './crash-world.ts'

const KILLER = fileURLToPath(new URL('killer.mjs', import.meta.url))
const BUILT = fileURLToPath(new URL('../support/built.cjs', import.meta.url))
/** Calls of each port that one test run dies at; all of them with BELAY_KILL_ALL=1. */
const POINTS = process.env['BELAY_KILL_ALL'] === '1' ? Infinity : Number(process.env['BELAY_CRASH_POINTS'] ?? 3)
const PORTS = ['git', 'files', 'process'] as const

let world: World
afterEach(() => world.dispose())

function begin(...turns: readonly Turn[]): void {
  world = new World()
  world.config().unconfined().files({ 'README.md': 'hello\n' }).commit('first')
  world.script({ implementer: { exec: turns }, byCall: true })
}

const workspace = (): string => join(world.home, 'workspaces', 'session', 's', 'main')

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: workspace(), env: world.env, encoding: 'utf8' }).trimEnd()
}

/** The world as it is now, to begin at again and again. */
function keep(): void {
  execFileSync('cp', ['-a', world.dir, `${world.dir}.kept`])
}

function putBack(): void {
  rmSync(world.dir, { recursive: true, force: true })
  execFileSync('cp', ['-a', `${world.dir}.kept`, world.dir])
}

function under(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Result> {
  const child = spawn(process.execPath, ['--import', KILLER, BUILT, ...args], {
    cwd: world.repo,
    env: { ...world.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return collect(child)
}

/** Runs `args` to its end once, then again and again from the same state, killed at one call after the other. */
async function everywhere(args: readonly string[], check: (hint: string) => Promise<void>): Promise<void> {
  keep()
  try {
    const file = join(world.dir, 'counts.json')
    const whole = await under(args, { KILL_COUNT: file })
    const counts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>
    await check(`undisturbed\n${whole.stderr}`)
    for (const port of PORTS) {
      const calls = counts[port] ?? 0
      const points = Math.min(POINTS, calls)
      for (let point = 0; point < points; point++) {
        const n = 1 + Math.floor(((point + (points < calls ? Math.random() : 0)) * calls) / points)
        for (const [when, group] of [
          ['before', '0'],
          ['after', '1'],
        ] as const) {
          putBack()
          const at = `${port}:${n}:${when}`
          const killed = await under(args, { KILL_AT: at, KILL_GROUP: group })
          await check(`${at} group ${group}: ${killed.signal ?? killed.code}\n${killed.stderr}`)
        }
      }
    }
  } finally {
    rmSync(`${world.dir}.kept`, { recursive: true, force: true })
  }
}

/** Nothing of a git that died is left that would stop the next one. */
function expectNoLocks(hint: string): void {
  const left = filesBelow(join(world.repo, '.git')).filter((path) => path.endsWith('.lock'))
  expect(left, hint).toEqual([])
  expect(git('fsck', '--strict', '--no-dangling'), hint).toBe('')
}

describe('kill -9 in a collaboration', () => {
  it('merging parts: the next merge finishes it; nothing is lost, nothing merged twice, conflicts are told', async () => {
    begin({
      sh: 'f=$(basename "$PWD"); mkdir -p d; for i in 1 2 3; do echo "$f" > "d/$f$i.txt"; done; test "$f" = b || echo "$f" > README.md',
    })
    for (const part of ['a', 'b', 'c']) {
      const flags = ['--session', 's', '--collaboration', 'parallel', '--part', part]
      expect((await world.belay(['exec', `do ${part}`, ...flags])).code).toBe(0)
    }
    await everywhere(['session', 'merge', 's', '--json'], async (hint) => {
      const again = await world.belay(['session', 'merge', 's', '--json'])
      expect(again.code, `${hint}\n${again.stderr}`).toBe(3)
      const report = JSON.parse(again.stdout) as { conflicts: { part: string; files: string[] }[]; skipped: object[] }
      expect(report.skipped, hint).toEqual([])
      expect(report.conflicts, hint).toMatchObject([{ part: 'c', files: ['README.md'] }])
      expect(git('status', '--porcelain'), hint).toBe('')
      expect(git('log', '--merges', '--format=%s').split('\n'), hint).toEqual([
        'Merge part b of session s',
        'Merge part a of session s',
      ])
      expect(git('log', '--format=%s', '--no-merges').split('\n').sort(), hint).toEqual(['do a', 'do b', 'first'])
      expect(git('ls-files').split('\n'), hint).toEqual(
        expect.arrayContaining(['d/a1.txt', 'd/a2.txt', 'd/a3.txt', 'd/b1.txt', 'd/b2.txt', 'd/b3.txt']),
      )
      expect(git('show', 'HEAD:README.md'), hint).toBe('a')
      expectNoLocks(hint)
      const { sessions } = await world.json<{ sessions: { id: string; merged: boolean }[] }>(['session', 'list'])
      expect(
        sessions
          .filter((one) => one.merged)
          .map((one) => one.id)
          .sort(),
        hint,
      ).toEqual(['s.a', 's.b'])
    })
  }, 900_000)

  it('merging parts: files that were half put in place are finished, never over what somebody changed since', async () => {
    begin({ sh: 'for i in 1 2 3; do echo new > "f$i.txt"; done' })
    world.files({ 'f1.txt': 'old\n', '.gitattributes': 'f2.txt filter=last\n' }).commit('files')
    const flags = ['--session', 's', '--collaboration', 'parallel', '--part', 'a']
    expect((await world.belay(['exec', 'do a', ...flags])).code).toBe(0)
    // The user's own filter: Git dies with its Belay while it puts the second file in place.
    const fuse = join(world.dir, 'fuse')
    world.env['GIT_CONFIG_GLOBAL'] = join(world.dir, 'gitconfig')
    const smudge = `test ! -e ${fuse} || { rm ${fuse}; kill -9 0; }; cat`
    writeFileSync(world.env['GIT_CONFIG_GLOBAL'], `[filter "last"]\n\tsmudge = "${smudge}"\n\tclean = cat\n`)
    writeFileSync(fuse, '')
    expect((await under(['session', 'merge', 's'], {})).signal).toBe('SIGKILL')
    // As a git leaves it that dies a moment earlier.
    writeFileSync(git('rev-parse', '--path-format=absolute', '--git-path', 'ORIG_HEAD.lock'), '')
    const half = git('status', '--porcelain')
    expect(half).toContain('f1.txt')
    expect(existsSync(join(workspace(), 'f2.txt'))).toBe(false)

    writeFileSync(join(workspace(), 'f1.txt'), 'mine\n')
    const refused = await world.json<{ error: { code: string; received: string; next: string } }>([
      'session',
      'merge',
      's',
    ])
    expect(refused.error).toMatchObject({ code: 'merge_cut_off', received: 'f1.txt' })
    expect(refused.error.next).toContain('reset --hard')
    expect(readFileSync(join(workspace(), 'f1.txt'), 'utf8')).toBe('mine\n')
    // Whoever works there next is told the same, before anything is spent.
    const turns = world.requests().length
    expect((await world.belay(['exec', 'x', '--session', 's'])).stderr).toContain('[merge_cut_off]')
    expect(world.requests()).toHaveLength(turns)

    writeFileSync(join(workspace(), 'f1.txt'), 'new\n')
    const merged = await world.belay(['session', 'merge', 's'])
    expect(merged.code, merged.stderr).toBe(0)
    expect(git('status', '--porcelain')).toBe('')
    expect(['f1.txt', 'f2.txt', 'f3.txt'].map((name) => git('show', `HEAD:${name}`))).toEqual(['new', 'new', 'new'])
    expect(git('log', '--merges', '--format=%s')).toBe('Merge part a of session s')
    expectNoLocks('half')
  })

  it('handing on: the next agent finds all that was left, committed once, and is told of it', async () => {
    begin({ sh: 'echo x >> log.txt; echo "$(wc -l < log.txt)" > "n$(wc -l < log.txt | tr -d " ").txt"' })
    const flags = ['--session', 's', '--collaboration', 'sequential']
    expect((await world.belay(['exec', 'make one', ...flags])).code).toBe(0)
    await everywhere(['exec', 'make two', ...flags], async (hint) => {
      const taken = world.requests().length
      const lines = (): number => readFileSync(join(workspace(), 'log.txt'), 'utf8').split('\n').length - 1
      const before = lines()
      const next = await world.belay(['exec', 'make three', '--session', 's'])
      expect(next.code, `${hint}\n${next.stderr}`).toBe(0)
      expect(git('status', '--porcelain'), hint).toBe('')
      // Everything that was written is there once.
      expect(lines(), hint).toBe(before + 1)
      for (let n = 1; n <= before + 1; n++) expect(existsSync(join(workspace(), `n${n}.txt`)), hint).toBe(true)
      const subjects = git('log', '--format=%s').split('\n')
      expect(subjects[0], hint).toBe('make three')
      expect(subjects.slice(-2), hint).toEqual(['make one', 'first'])
      expect(git('show', '--name-only', '--format=', 'HEAD').split('\n').sort(), hint).toEqual([
        'log.txt',
        `n${before + 1}.txt`,
      ])
      if (before === 2) {
        // What the second agent did is a commit of its own, and the third is told.
        expect(subjects, hint).toHaveLength(4)
        const prompt = String(world.requests()[taken]?.['prompt'])
        expect(prompt, hint).toContain('make two')
        expect(prompt, hint).toContain('n2.txt')
        expect(prompt, hint).toContain(git('rev-parse', 'HEAD~1'))
      }
      expectNoLocks(hint)
      const shown = await world.json<{ entries: { type: string; turn: number; commits?: string[] }[] }>([
        'session',
        'show',
        's',
      ])
      const told = shown.entries.flatMap((one) => one.commits ?? [])
      expect(told, hint).toEqual(git('rev-list', '--reverse', 'HEAD').split('\n').slice(1))
    })
  }, 900_000)
})
