import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeRepo, tempFolder, type TestRepo } from '../testing/repo.ts'
import { followTarget, type Followed, type FollowRequest } from './index.ts'
import { intentsIn } from './testing/driver.ts'

let repo: TestRepo
let folder: string
let base: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
  base = repo.git('rev-parse', 'HEAD')
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Commits on `belay/r/result` as Belay does, in a separate worktree, and returns the tip. */
function result(change: (root: string) => void): string {
  const path = join(folder, 'work')
  repo.git('worktree', 'add', '-q', '--detach', path, repo.git('rev-parse', 'HEAD'))
  change(path)
  repo.gitIn(path, ['add', '-A'])
  repo.gitIn(path, ['commit', '-q', '--allow-empty', '-m', 'result'])
  const tip = repo.gitIn(path, ['rev-parse', 'HEAD'])
  repo.git('branch', '-f', 'belay/r/result', tip)
  repo.git('worktree', 'remove', '--force', path)
  return tip
}

function follow(to: string, extra: Partial<FollowRequest> = {}): Promise<Followed> {
  return followTarget({
    repository: { root: repo.root, commonDir: join(repo.root, '.git') },
    target: 'main',
    from: base,
    to,
    resultBranch: 'belay/r/result',
    intents: intentsIn(join(folder, 'intent')),
    patienceMs: 50,
    ...extra,
  })
}

function expectWhole(commit: string): void {
  expect(repo.git('rev-parse', 'HEAD')).toBe(commit)
  expect(repo.git('status', '--porcelain')).toBe('')
  expect(repo.git('fsck', '--no-dangling')).toBe('')
  expect(repo.git('ls-files', '-o')).toBe('')
  for (const left of ['index.lock', 'HEAD.lock', 'refs/heads/main.lock']) {
    expect(existsSync(join(repo.root, '.git', left))).toBe(false)
  }
  expect(existsSync(join(folder, 'intent'))).toBe(false)
}

function refusal(outcome: Followed): { code: string; command: string } {
  if (outcome.landed) expect.fail('this should not have landed')
  return { code: outcome.reason.code, command: outcome.finishCommand ?? '' }
}

/** Runs a finish command as the user would. */
function run(command: string): void {
  repo.gitIn('/', ['-c', `alias.run=!${command}`, `--git-dir=${repo.root}/.git`, 'run'])
}

const odd = ['with space', 'line\nfeed', '"quoted"', 'back\\slash', 'ünï 漢', '-dash', 'dir/deep/er/file']

test('a checked out, clean target follows with every kind of change', async () => {
  base = repo.commit({
    ...Object.fromEntries(odd.map((name) => [name, `old ${name}`])),
    'gone/only/child': 'x',
    'folder/a': '1',
    'folder/b': '2',
    file: 'becomes a folder',
    script: '#!/bin/sh\n',
    'plain.txt': 'becomes a link',
    '.gitattributes': '*.crlf text eol=crlf\n',
    'lines.crlf': 'one\r\n',
  })
  symlinkSync('folder/a', join(repo.root, 'link'))
  base = repo.commit({}, 'link')
  const before = lstatSync(join(repo.root, 'README.md'))
  const to = result((root) => {
    for (const name of odd) writeFileSync(join(root, name), `new ${name}`)
    rmSync(join(root, 'gone'), { recursive: true })
    rmSync(join(root, 'folder'), { recursive: true })
    writeFileSync(join(root, 'folder'), 'was a folder')
    rmSync(join(root, 'file'))
    mkdirSync(join(root, 'file/sub'), { recursive: true })
    writeFileSync(join(root, 'file/sub/x'), 'in a folder now')
    chmodSync(join(root, 'script'), 0o755)
    rmSync(join(root, 'plain.txt'))
    symlinkSync('nowhere', join(root, 'plain.txt'))
    rmSync(join(root, 'link'))
    writeFileSync(join(root, 'link'), 'a file now')
    writeFileSync(join(root, 'lines.crlf'), 'one\r\ntwo\r\n')
    writeFileSync(join(root, 'added'), '')
  })
  expect(await follow(to)).toEqual({ landed: true })
  expectWhole(to)
  expect(existsSync(join(repo.root, 'gone'))).toBe(false)
  expect(readlinkSync(join(repo.root, 'plain.txt'))).toBe('nowhere')
  expect(lstatSync(join(repo.root, 'script')).mode & 0o111).not.toBe(0)
  expect(readFileSync(join(repo.root, 'lines.crlf'), 'utf8')).toBe('one\r\ntwo\r\n')
  expect(lstatSync(join(repo.root, 'README.md')).mtimeMs).toBe(before.mtimeMs)
  expect(repo.git('reflog', '-1', '--format=%gs')).toBe('belay: follow the result branch')
  expect(await follow(to)).toEqual({ landed: true })
})

test('a target that is not checked out is moved without touching files', async () => {
  repo.git('switch', '-q', '-c', 'elsewhere')
  const to = result((root) => writeFileSync(join(root, 'a'), 'a'))
  repo.write('README.md', 'my edit')
  expect(await follow(to)).toEqual({ landed: true })
  expect(repo.git('rev-parse', 'main')).toBe(to)
  expect(repo.git('status', '--porcelain')).toBe('M README.md')
})

test('a target that is checked out in a linked worktree follows there', async () => {
  repo.git('switch', '-q', '-c', 'elsewhere')
  const linked = join(folder, "the user's tree")
  repo.git('worktree', 'add', '-q', linked, 'main')
  const to = result((root) => writeFileSync(join(root, 'a'), 'a'))
  expect(await follow(to)).toEqual({ landed: true })
  expect(readFileSync(join(linked, 'a'), 'utf8')).toBe('a')
  expect(repo.gitIn(linked, ['status', '--porcelain'])).toBe('')
  writeFileSync(join(linked, 'a'), 'mine')
  const next = result((root) => writeFileSync(join(root, 'a'), 'next'))
  repo.git('branch', '-f', 'belay/r/result', next)
  const { command } = refusal(await follow(next, { from: to }))
  expect(command).toBe(`git -C '${linked.replace("'", String.raw`'\''`)}' merge belay/r/result`)
})

test('uncommitted work of the user is never touched', async () => {
  base = repo.commit({ a: 'a', b: 'b', 'd/c': 'c' })
  const to = result((root) => {
    writeFileSync(join(root, 'a'), 'A')
    writeFileSync(join(root, 'new'), 'N')
    rmSync(join(root, 'd/c'))
    writeFileSync(join(root, 'sub'), 'S')
  })
  const cases: readonly (readonly [string, () => void, () => void])[] = [
    ['a modified file that does not change', () => repo.write('b', 'mine'), () => repo.write('b', 'b')],
    ['a modified file that changes', () => repo.write('a', 'mine'), () => repo.write('a', 'a')],
    ['a deleted file', () => rmSync(join(repo.root, 'b')), () => repo.git('checkout', 'b')],
    [
      'a staged file',
      () => {
        repo.write('staged', 's')
        repo.git('add', 'staged')
      },
      () => repo.git('rm', '-q', '-f', 'staged'),
    ],
    ['an untracked file in the way', () => repo.write('new', 'mine'), () => rmSync(join(repo.root, 'new'))],
    [
      'an ignored file in the way',
      () => {
        repo.write('.git/info/exclude', 'new\n')
        repo.write('new', 'secret')
      },
      () => rmSync(join(repo.root, 'new')),
    ],
    [
      'an untracked folder in the way',
      () => repo.write('sub/mine', 'x'),
      () => rmSync(join(repo.root, 'sub'), { recursive: true }),
    ],
    ['an assumed unchanged file', () => assumed('mine'), () => assumed('a')],
  ]
  function assumed(content: string): void {
    repo.git('update-index', content === 'a' ? '--no-assume-unchanged' : '--assume-unchanged', 'a')
    repo.write('a', content)
  }
  for (const [name, dirty, clean] of cases) {
    dirty()
    const status = repo.git('status', '--porcelain', '--ignored')
    const found = refusal(await follow(to))
    expect(found, name).toEqual({ code: 'target_dirty', command: `git -C ${repo.root} merge belay/r/result` })
    expect(repo.git('rev-parse', 'main'), name).toBe(base)
    expect(repo.git('status', '--porcelain', '--ignored'), name).toBe(status)
    expect(existsSync(join(repo.root, '.git/index.lock')), name).toBe(false)
    clean()
  }
  repo.write('other untracked', 'stays')
  repo.write('new', 'N') // untracked, but with exactly the new content
  repo.write('d/mine', 'stays')
  expect(await follow(to)).toEqual({ landed: true })
  expect(repo.git('status', '--porcelain')).toBe('?? d/\n?? "other untracked"')
})

test('files behind a link of the user are not ours', async () => {
  mkdirSync(join(folder, 'outside'))
  symlinkSync(join(folder, 'outside'), join(repo.root, 'dir'))
  repo.write('.git/info/exclude', 'dir\n')
  const to = result((root) => {
    mkdirSync(join(root, 'dir'))
    writeFileSync(join(root, 'dir/x'), 'x')
    repo.gitIn(root, ['add', '-f', 'dir/x'])
  })
  expect(refusal(await follow(to)).code).toBe('target_dirty')
  expect(existsSync(join(folder, 'outside/x'))).toBe(false)
})

test('a target that went another way gets a command that merges', async () => {
  const to = result((root) => writeFileSync(join(root, 'a'), 'a'))
  repo.commit({ b: 'mine' })
  const { code, command } = refusal(await follow(to))
  expect(code).toBe('target_moved')
  run(command)
  expect(await follow(to)).toEqual({ landed: true })
  expect(existsSync(join(repo.root, 'b')) && existsSync(join(repo.root, 'a'))).toBe(true)

  repo.git('switch', '-q', '-c', 'elsewhere')
  repo.git('branch', '-f', 'main', base)
  repo.git('switch', '-q', 'main')
  repo.commit({ c: 'again' })
  repo.git('switch', '-q', 'elsewhere')
  const other = refusal(await follow(to))
  expect(other.command).toBe(`git -C ${repo.root} switch main && git -C ${repo.root} merge belay/r/result`)
  run(other.command)
  expect(await follow(to)).toEqual({ landed: true })
})

test('a target that the user set back is not brought forward again', async () => {
  const second = repo.commit({ b: 'b' })
  const to = result((root) => writeFileSync(join(root, 'a'), 'a'))
  repo.git('reset', '-q', '--hard', base)
  expect(refusal(await follow(to, { from: second })).code).toBe('target_moved')
  expectWhole(base)
})

test('a detached HEAD and a target that is gone stay on result', async () => {
  const to = result((root) => writeFileSync(join(root, 'a'), 'a'))
  expect(refusal(await follow(to, { target: null })).code).toBe('detached_head')
  const gone = refusal(await follow(to, { target: 'gone' }))
  expect(gone).toEqual({ code: 'target_missing', command: `git -C ${repo.root} branch gone ${to}` })
})

test('a lock of another git, a merge and a rebase are left alone', async () => {
  base = repo.commit({ a: '1\n' })
  repo.git('switch', '-q', '-c', 'side')
  repo.commit({ a: 'side\n' })
  repo.git('switch', '-q', 'main')
  const to = result((root) => writeFileSync(join(root, 'b'), 'b'))

  writeFileSync(join(repo.root, '.git/index.lock'), '')
  expect(refusal(await follow(to)).code).toBe('target_locked')
  expect(readFileSync(join(repo.root, '.git/index.lock'), 'utf8')).toBe('')
  rmSync(join(repo.root, '.git/index.lock'))

  writeFileSync(join(repo.root, '.git/MERGE_HEAD'), `${base}\n`)
  expect(refusal(await follow(to)).code).toBe('target_busy')
  rmSync(join(repo.root, '.git/MERGE_HEAD'))

  const before = repo.commit({ a: 'mine\n' })
  expect(() => repo.git('rebase', 'side')).toThrow()
  const ahead = result((root) => writeFileSync(join(root, 'c'), 'c'))
  repo.git('update-ref', 'refs/heads/belay/r/result', ahead)
  repo.git('update-ref', 'refs/heads/main', base)
  expect(refusal(await follow(to)).code).toBe('target_busy')
  expect(repo.git('rev-parse', 'main')).toBe(base)
  repo.git('update-ref', 'refs/heads/main', before)
  repo.git('rebase', '--abort')
})

test('a sparse checkout stays sparse', async () => {
  base = repo.commit({ 'in/a': '1', 'out/b': '1', 'out/c': '1' })
  repo.git('sparse-checkout', 'set', 'in')
  const to = result((root) => {
    repo.gitIn(root, ['sparse-checkout', 'disable'])
    writeFileSync(join(root, 'in/a'), '2')
    writeFileSync(join(root, 'out/b'), '2')
    writeFileSync(join(root, 'out/new'), '2')
    rmSync(join(root, 'out/c'))
  })
  expect(await follow(to)).toEqual({ landed: true })
  expect(readFileSync(join(repo.root, 'in/a'), 'utf8')).toBe('2')
  expect(existsSync(join(repo.root, 'out'))).toBe(false)
  expectWhole(to)
})

test('an edit of the user in the last moment is kept, and what was moved is put back', async () => {
  base = repo.commit({ a: 'a', m: 'm', z: 'z' })
  const to = result((root) => {
    rmSync(join(root, 'a'))
    writeFileSync(join(root, 'm'), 'M')
    writeFileSync(join(root, 'z'), 'Z')
  })
  let files = 0
  const outcome = await follow(to, {
    onStep(step) {
      if (step === 'file' && ++files === 2) repo.write('z', 'edited just now')
    },
  })
  expect(refusal(outcome).code).toBe('target_dirty')
  expect(repo.git('status', '--porcelain')).toBe('M z')
  expect(readFileSync(join(repo.root, 'z'), 'utf8')).toBe('edited just now')
  expect(repo.git('rev-parse', 'main')).toBe(base)
  repo.write('z', 'z')
  expect(await follow(to)).toEqual({ landed: true })
  expectWhole(to)
})

test('a branch that moves in the last moment keeps its files', async () => {
  base = repo.commit({ a: 'a' })
  const to = result((root) => writeFileSync(join(root, 'a'), 'A'))
  const tree = repo.git('rev-parse', 'HEAD^{tree}')
  const theirs = repo.git('commit-tree', '-p', base, '-m', 'theirs', tree)
  const outcome = await follow(to, {
    onStep(step) {
      if (step === 'files') repo.git('update-ref', 'refs/heads/main', theirs)
    },
  })
  expect(refusal(outcome).code).toBe('target_moved')
  expectWhole(theirs)
})
