import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPolicy } from '../../../policy/index.ts'
import type { CommandQuestion } from '../../../policy/port.ts'
import { startTimeOf } from '../../../process/index.ts'
import { call, makeBench, type Bench } from '../testing/context.ts'
import type { ToolContext, ToolResult } from '../../port.ts'
import { gitTools } from './tools.ts'

let bench: Bench
let context: ToolContext
beforeEach(() => {
  bench = makeBench('git')
  context = bench.with({
    env: {
      ...bench.context.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_AUTHOR_NAME: 'A',
      GIT_AUTHOR_EMAIL: 'a@example.com',
      GIT_COMMITTER_NAME: 'A',
      GIT_COMMITTER_EMAIL: 'a@example.com',
    },
  })
  git('init', '-q', '-b', 'main')
})
afterEach(() => bench.remove())

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: bench.workspace, env: context.env, encoding: 'utf8' })
}

function put(name: string, content: string): void {
  writeFileSync(join(bench.workspace, name), content)
}

async function use(name: string, input: object = {}, where = context): Promise<ToolResult> {
  const tool = gitTools.find((one) => one.name === name)
  if (!tool) throw new Error(name)
  return call(tool, input, where)
}

describe('git tools', () => {
  it('status: branch, staged, changed, untracked, clean; names with spaces and other letters', async () => {
    expect((await use('git_status')).text).toBe('branch main\nclean')
    put('ä b.txt', 'x')
    put('c.txt', 'x')
    git('add', '.')
    git('commit', '-qm', 'first')
    put('ä b.txt', 'y')
    git('add', '.')
    put('ä b.txt', 'z')
    git('mv', 'c.txt', 'd e.txt')
    put('new.txt', '')
    expect((await use('git_status')).text).toBe(
      'branch main\nstaged (2):\n  R c.txt -> d e.txt\n  M ä b.txt\nchanged, not staged (1):\n  M ä b.txt\nuntracked (1):\n  new.txt',
    )
  })

  it('status: ahead and behind, detached', async () => {
    git('commit', '-qm', 'one', '--allow-empty')
    git('branch', 'up')
    git('branch', '-q', '--set-upstream-to=up')
    git('commit', '-qm', 'two', '--allow-empty')
    expect((await use('git_status')).text).toBe('branch main (1 ahead, 0 behind)\nclean')
    git('checkout', '-q', '--detach')
    expect((await use('git_status')).text).toBe('no branch (detached HEAD)\nclean')
  })

  it('diff: unstaged, staged, one file', async () => {
    for (const name of ['a.txt', 'b.txt']) put(name, 'old\n')
    git('add', '.')
    git('commit', '-qm', 'first')
    for (const name of ['a.txt', 'b.txt']) put(name, 'new\n')
    expect((await use('git_diff', { file: 'a.txt' })).text).toMatch(/a\.txt \| 2 \+-[\s\S]*-old\n\+new/)
    expect((await use('git_diff', { file: 'a.txt' })).text).not.toContain('b.txt')
    expect((await use('git_diff', { staged: true })).text).toBe('no difference')
    git('add', 'b.txt')
    expect((await use('git_diff', { staged: true })).text).toContain('b.txt')
  })

  it('log: newest first, of a file, in a folder', async () => {
    mkdirSync(join(bench.workspace, 'sub'))
    put('sub/a.txt', '')
    git('add', '.')
    git('commit', '-qm', 'one')
    git('commit', '-qm', 'two', '--allow-empty')
    expect((await use('git_log')).text).toMatch(/^[0-9a-f]{7,} \S+ A: two\n[0-9a-f]{7,} \S+ A: one$/)
    expect((await use('git_log', { count: 1 })).text).not.toContain('one')
    expect((await use('git_log', { file: 'a.txt', path: 'sub' })).text).not.toContain('two')
  })

  it("keeps the settings that the user's environment has for git", async () => {
    git('commit', '-qm', 'one', '--allow-empty')
    const mine = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.abbrev', GIT_CONFIG_VALUE_0: '20' }
    const { text } = await use('git_log', {}, { ...context, env: { ...context.env, ...mine } })
    expect(text).toMatch(/^[0-9a-f]{20} /)
  })

  it('commit: named files, everything, nothing', async () => {
    put('-rf', 'x')
    put("it's.txt", 'x')
    put('*.txt', 'x')
    const { text } = await use('git_commit', { message: "it's -m done", files: ['-rf', '*.txt'] })
    expect(text).toContain("A: it's -m done")
    expect(git('ls-files')).toBe('*.txt\n-rf\n')
    expect(await use('git_commit', { message: 'nothing' })).toMatchObject({ isError: true, exitCode: 1 })
    await use('git_commit', { message: 'all', all: true })
    expect(git('status', '--porcelain')).toBe('')
    expect(await use('git_commit', { message: 'none', files: ['absent'] })).toMatchObject({ isError: true })
    expect(git('log', '--format=%s')).toBe("all\nit's -m done\n")
  })

  it('says when there is no repository, and refuses folders outside of the workspace', async () => {
    const outside = bench.with({
      workspace: bench.outside,
      env: { ...context.env, GIT_CEILING_DIRECTORIES: bench.root },
    })
    const fresh = {
      ...outside,
      sandbox: { ...outside.sandbox, policy: { ...outside.sandbox.policy, workspace: bench.outside } },
    }
    expect((await use('git_status', {}, fresh)).text).toContain('not a git repository')
    expect(await use('git_log', { path: '..' })).toMatchObject({ isError: true })
  })

  it('a git that does not end is ended, and said to be', async () => {
    const bin = join(bench.workspace, 'bin')
    const began = join(bench.workspace, 'began')
    mkdirSync(bin)
    writeFileSync(join(bin, 'git'), `#!/bin/sh\necho $$ > ${began}\nexec sleep 1000\n`, { mode: 0o755 })
    const slow = { ...context, env: { ...context.env, PATH: `${bin}:${context.env['PATH'] ?? ''}` } }
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let ended = false
      const status = use('git_status', {}, slow).finally(() => (ended = true))
      while (!existsSync(began) || !readFileSync(began, 'utf8').endsWith('\n')) await setImmediate()
      await vi.advanceTimersByTimeAsync(119_000)
      expect(ended).toBe(false)
      await vi.advanceTimersByTimeAsync(2000)
      vi.useRealTimers()
      expect(await status).toMatchObject({
        isError: true,
        text: expect.stringMatching(/^git was ended: it took too long/),
      })
      expect(startTimeOf(Number(readFileSync(began, 'utf8')))).toBeNull()
    } finally {
      vi.useRealTimers()
    }
  })

  it('looking starts nothing that the repository names', async () => {
    const ran = join(bench.root, 'ran')
    const trap = (name: string): string => {
      const path = join(bench.root, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `#!/bin/sh\necho '${name}' >> '${ran}'\n`, { mode: 0o755 })
      return path
    }
    put('a.txt', 'old')
    put('same.txt', 'same')
    put('.gitattributes', '*.txt diff=trap')
    git('add', '.')
    git('commit', '-qm', 'x')
    const signed = git('cat-file', 'commit', 'HEAD').replace(
      '\n\n',
      '\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n\n',
    )
    put('signed', signed)
    git('reset', '-q', '--soft', git('hash-object', '-t', 'commit', '-w', 'signed').trim())
    for (const key of ['core.fsmonitor', 'diff.external', 'diff.trap.command', 'diff.trap.textconv', 'core.pager'])
      git('config', key, trap(key))
    git('config', 'gpg.program', trap('gpg.program'))
    git('config', 'log.showSignature', 'true')
    git('config', 'core.hooksPath', dirname(trap('hooks/post-index-change')))
    put('a.txt', 'new')
    for (const name of ['git_status', 'git_diff', 'git_log']) {
      utimesSync(join(bench.workspace, 'same.txt'), 1, 1) // git would note in its index that nothing but the time has changed
      expect((await use(name)).isError).toBe(false)
      expect([name, existsSync(ran) ? readFileSync(ran, 'utf8') : 'nothing']).toEqual([name, 'nothing'])
    }
  })

  it('a commit runs the hooks of the repository, as in bash', async () => {
    put('.git/hooks/pre-commit', '#!/bin/sh\necho no such commit >&2\nexit 1\n')
    chmodSync(join(bench.workspace, '.git/hooks/pre-commit'), 0o755)
    put('a.txt', 'x')
    const { isError, text } = await use('git_commit', { message: 'x', all: true })
    expect([isError, text]).toEqual([true, 'git ended with exit code 1\nno such commit'])
  })

  it('asks the command policy as bash would, about exactly what is run', async () => {
    const asked: CommandQuestion[] = []
    const policy = {
      judge(question: CommandQuestion) {
        asked.push(question)
        return { decision: 'deny' as const, reason: 'no', findings: [] }
      },
    }
    const mine = { ...context, policy }
    await use('git_commit', { message: "it's", files: ['a b', '$(x)'] }, mine)
    expect(asked[0]?.command).toBe(String.raw`git add -- 'a b' '$(x)' && git commit --quiet -m 'it'\''s'`)
    expect(await use('git_status', {}, mine)).toMatchObject({ isError: true, text: 'denied: no' })
  })

  it('the built-in policy lets one look, and has the same to say of a commit as for bash', async () => {
    const mine = { ...context, policy: createPolicy() }
    for (const name of ['git_status', 'git_diff', 'git_log']) {
      const tool = gitTools.find((one) => one.name === name)
      expect(await tool?.demand(tool.input.parse({}), mine)).toMatchObject({ decision: 'allow' })
    }
  })
})
