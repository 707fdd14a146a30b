import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TestRepo } from '../testing/repo.ts'
import { ledgerPath } from './ledger.ts'
import { makeGuarded, MARK, subjects, type Guarded } from './testing/guarded.ts'

let guarded: Guarded
let repo: TestRepo
let folder: string
let work: string
let dotGit: string

beforeEach(() => {
  guarded = makeGuarded()
  ;({ repo, folder, work, dotGit } = guarded)
})

afterEach(() => guarded.remove())

test('an ordinary turn, with commits on its own branch, is clean', async () => {
  const report = await guarded.turn(() => {
    writeFileSync(join(work, 'new.txt'), 'x')
    guarded.agent('add', '-A')
    guarded.agent('commit', '-q', '-m', 'work')
    repo.git('update-ref', 'refs/belay/epoch/x', 'HEAD')
  })
  expect(report).toEqual({ violations: [], notes: [] })
  expect(existsSync(ledgerPath(join(folder, 'ledger'), dotGit))).toBe(false)
})

test('configuration, hooks and attributes are put back, with content and mode, and kept aside', async () => {
  writeFileSync(join(dotGit, 'hooks/pre-commit'), '#!/bin/sh\ntrue\n', { mode: 0o755 })
  const config = readFileSync(join(dotGit, 'config'), 'utf8')
  const report = await guarded.turn(() => {
    guarded.agent('config', 'core.fsmonitor', 'touch /tmp/never')
    writeFileSync(join(dotGit, 'hooks/post-commit'), '#!/bin/sh\nevil\n', { mode: 0o755 })
    writeFileSync(join(dotGit, 'hooks/pre-commit'), '#!/bin/sh\nevil\n')
    chmodSync(join(dotGit, 'hooks/pre-commit'), 0o700)
    mkdirSync(join(dotGit, 'hooks/deep'))
    symlinkSync('/bin/sh', join(dotGit, 'hooks/deep/update'))
    mkdirSync(join(dotGit, 'info'), { recursive: true })
    writeFileSync(join(dotGit, 'info/attributes'), '* filter=evil\n')
    writeFileSync(join(dotGit, 'objects/info/alternates'), '/tmp\n')
    writeFileSync(join(dotGit, 'config.worktree'), '[core]\n')
    appendFileSync(join(dotGit, 'info/exclude'), 'hidden\n')
  })
  expect(subjects(report, guarded)).toEqual([
    'config',
    'config.worktree',
    'hooks/deep/update',
    'hooks/post-commit',
    'hooks/pre-commit',
    'info/attributes',
    'objects/info/alternates',
  ])
  expect(report.violations.every((one) => one.undone)).toBe(true)
  expect(report.notes.map((one) => [one.subject, one.undone])).toEqual([[join(dotGit, 'info/exclude'), true]])
  expect(readFileSync(join(dotGit, 'config'), 'utf8')).toBe(config)
  expect(readFileSync(join(dotGit, 'hooks/pre-commit'), 'utf8')).toBe('#!/bin/sh\ntrue\n')
  expect(statSync(join(dotGit, 'hooks/pre-commit')).mode & 0o777).toBe(0o755)
  for (const gone of [
    'hooks/post-commit',
    'hooks/deep/update',
    'info/attributes',
    'objects/info/alternates',
    'config.worktree',
  ]) {
    expect(existsSync(join(dotGit, gone)), gone).toBe(false)
  }
  const kept = report.violations.find((one) => one.kind === 'config')?.rescued
  expect(repo.git('cat-file', 'blob', kept ?? '')).toContain('fsmonitor = touch /tmp/never')
})

test('a large hook is never overwritten: a new one goes and is kept, a changed one stays and is said', async () => {
  const [hook, added] = [join(dotGit, 'hooks/pre-commit'), join(dotGit, 'hooks/post-commit')]
  const [large, evil] = [Buffer.alloc(5 << 20, 'mine\n'), Buffer.alloc(5 << 20, 'evil\n')]
  writeFileSync(hook, large, { mode: 0o755 })
  expect(await guarded.turn(() => utimesSync(hook, 1, 1))).toEqual({ violations: [], notes: [] })

  const report = await guarded.turn(() => {
    chmodSync(hook, 0o700)
    writeFileSync(added, evil, { mode: 0o755 })
  })
  expect(subjects(report, guarded)).toEqual(['hooks/post-commit', 'hooks/pre-commit'])
  expect(report.violations.every((one) => one.undone)).toBe(true)
  expect([existsSync(added), statSync(hook).mode & 0o777]).toEqual([false, 0o755])
  expect(readFileSync(hook).equals(large)).toBe(true)
  const kept = report.violations.find((one) => one.subject === added)?.rescued ?? ''
  const blob = execFileSync('git', ['cat-file', 'blob', kept], { cwd: repo.root, maxBuffer: 1 << 24 })
  expect(blob.equals(evil)).toBe(true)
  expect(readdirSync(join(folder, 'ledger'))).toEqual([])

  const gone = await guarded.turn(() => rmSync(hook))
  expect(gone.violations.map((one) => [one.subject, one.undone])).toEqual([[hook, false]])
  expect(gone.violations[0]?.message).toContain('was removed during the turn and cannot be put back')
  expect(existsSync(hook)).toBe(false)

  for (const [how, content] of Object.entries({ large: evil, small: '#!/bin/sh\nevil\n' })) {
    rmSync(join(folder, 'ledger'), { recursive: true })
    writeFileSync(hook, large)
    await expect(
      guarded.turn(() => writeFileSync(hook, content)),
      how,
    ).rejects.toMatchObject({ code: 'guard_failed', message: expect.stringContaining(hook) as string })
    expect(readFileSync(hook).equals(Buffer.from(content)), how).toBe(true)
  }
})

test('a hooks folder that became a link is a folder again', async () => {
  writeFileSync(join(dotGit, 'hooks/pre-commit'), 'mine', { mode: 0o755 })
  const report = await guarded.turn(() => {
    mkdirSync(join(folder, 'evil'))
    writeFileSync(join(folder, 'evil/pre-push'), 'evil', { mode: 0o755 })
    rmSync(join(dotGit, 'hooks'), { recursive: true })
    symlinkSync(join(folder, 'evil'), join(dotGit, 'hooks'))
  })
  expect(subjects(report, guarded)).toContain('hooks')
  expect(readFileSync(join(dotGit, 'hooks/pre-commit'), 'utf8')).toBe('mine')
  expect(existsSync(join(dotGit, 'hooks/pre-push'))).toBe(false)
  expect(existsSync(join(folder, 'evil/pre-push'))).toBe(true)
})

test('nothing that an agent configured is run by the comparison', async () => {
  const proof = join(folder, 'ran')
  await guarded.turn(() => {
    writeFileSync(join(folder, 'evil.sh'), `#!/bin/sh\ntouch "${proof}"\n`, { mode: 0o755 })
    for (const key of [
      'core.fsmonitor',
      'core.sshCommand',
      'filter.x.clean',
      'filter.x.smudge',
      'core.alternateRefsCommand',
    ]) {
      guarded.agent('config', key, join(folder, 'evil.sh'))
    }
    writeFileSync(join(dotGit, 'info/attributes'), '* filter=x\n')
    writeFileSync(join(dotGit, 'hooks/reference-transaction'), readFileSync(join(folder, 'evil.sh')), { mode: 0o755 })
    writeFileSync(join(repo.root, 'a.txt'), 'edited\n')
    rmSync(proof, { force: true }) // the agent's own git commands ran it
  })
  expect(existsSync(proof)).toBe(false)
})

test('settings of branches by a switch or push are the user’s business', async () => {
  const report = await guarded.turn(() => {
    repo.git('config', 'branch.other.remote', 'origin')
    repo.git('config', 'branch.other.merge', 'refs/heads/other')
  })
  expect(report.violations).toEqual([])
  expect(repo.git('config', 'branch.other.remote')).toBe('origin')
  const evil = await guarded.turn(() => guarded.agent('config', 'branch.other.remote', 'ext::sh -c evil'))
  expect(subjects(evil, guarded)).toEqual(['config'])
  expect(repo.git('config', 'branch.other.remote')).toBe('origin')
})

test('foreign refs are put back, and what they had is kept', async () => {
  repo.git('update-ref', 'refs/belay/epoch/run/T2', 'HEAD')
  repo.git('update-ref', 'refs/heads/belay/run/result', 'HEAD')
  repo.git('update-ref', 'refs/remotes/origin/main', 'HEAD')
  repo.git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main')
  repo.git('pack-refs', '--all')
  const before = guarded.allRefs()
  let evil = ''
  const report = await guarded.turn(() => {
    guarded.agent('commit', '-q', '--allow-empty', '-m', 'evil')
    evil = guarded.agent('rev-parse', 'HEAD')
    guarded.agent('update-ref', 'refs/heads/main', evil)
    guarded.agent('branch', '-D', 'other')
    guarded.agent('branch', 'other/below', evil)
    guarded.agent('tag', 'v2')
    guarded.agent('tag', '-f', 'v1', evil)
    guarded.agent('update-ref', 'refs/heads/belay/run/result', evil)
    guarded.agent('update-ref', '-d', 'refs/remotes/origin/main')
    guarded.agent('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/heads/main')
    guarded.agent('notes', 'add', '-m', 'note', 'HEAD')
    guarded.agent('reset', '-q', '--hard', 'HEAD~1')
    guarded.agent('update-ref', `refs/replace/${repo.git('rev-parse', 'HEAD')}`, evil) // now history is circular
  })
  expect(guarded.allRefs()).toEqual(before)
  expect(report.violations.every((one) => one.undone && one.kind === 'ref')).toBe(true)
  expect(subjects(report, guarded)).toContain('refs/heads/main')
  const main = report.violations.find((one) => one.subject === 'refs/heads/main')
  expect(repo.git('rev-parse', main?.rescued ?? '')).toBe(evil)
  expect(repo.git('status', '--porcelain')).toBe('')
})

test('worktrees that an agent adds go, with their files; what is not marked stays and is told', async () => {
  const [one, bare, inside, users] = [
    join(folder, 'one'),
    join(folder, 'bare'),
    join(work, 'in'),
    join(folder, 'users'),
  ]
  const head = repo.git('rev-parse', 'HEAD')
  const report = await guarded.turn(() => {
    guarded.agent('worktree', 'add', '-q', '-b', 'mine', one)
    guarded.agent('worktree', 'add', '-q', '--no-checkout', '--lock', '--detach', bare, 'HEAD')
    guarded.agent('worktree', 'add', '-q', '--detach', inside)
    writeFileSync(join(one, 'new.txt'), 'x')
    repo.git('worktree', 'add', '-q', '-b', 'users', users)
    // The agent can write git's entry: only a worktree whose own `.git` confirms it may be removed because of it.
    writeFileSync(join(dotGit, 'worktrees/bare/gitdir'), `${join(folder, 'precious', '.git')}\n`)
    mkdirSync(join(folder, 'precious'))
    writeFileSync(join(folder, 'precious', '.git'), `gitdir: ${dotGit}/worktrees/other\n`)
  })
  const added = report.violations.filter((found) => found.kind === 'worktree')
  expect(added.map((found) => found.subject).sort()).toEqual([inside, one, join(folder, 'precious')].sort())
  expect(report.notes).toContainEqual(expect.objectContaining({ kind: 'worktree', subject: users, undone: false }))
  expect([one, inside, users, join(folder, 'precious')].map((path) => existsSync(path))).toEqual([
    false,
    false,
    true,
    true,
  ])
  expect(readdirSync(join(dotGit, 'worktrees')).sort()).toEqual(['users', 'work T1'].map(noteName).sort())
  expect(guarded.allRefs().filter((ref) => ref.includes('mine'))).toEqual([])
  const kept = added.find((found) => found.subject === inside)?.rescued ?? ''
  expect(repo.git('rev-parse', kept)).toBe(head)
})

/** The name of a worktree's entry in the repository. */
function noteName(name: string): string {
  return name.replace(' ', '-')
}

test('a stash of the agent goes, the user’s stashes stay', async () => {
  repo.write('a.txt', 'stashed by the user\n')
  repo.git('stash', '-q')
  const before = repo.git('stash', 'list')
  const report = await guarded.turn(() => {
    writeFileSync(join(work, 'b.txt'), 'stashed by the agent\n')
    guarded.agent('stash', '-q')
  })
  expect(subjects(report, guarded)).toEqual(['refs/stash'])
  expect(repo.git('stash', 'list')).toBe(before)
  const dropped = await guarded.turn(() => guarded.agent('stash', 'clear'))
  expect(subjects(dropped, guarded)).toEqual(['refs/stash'])
  expect(repo.git('stash', 'list')).toBe(before)
  expect(repo.git('stash', 'show', '-p')).toContain('stashed by the user')
})

test('a broken ref file is a ref again', async () => {
  const before = guarded.allRefs()
  const report = await guarded.turn(() => writeFileSync(join(dotGit, 'refs/heads/other'), 'garbage'))
  expect(subjects(report, guarded)).toEqual(['refs/heads/other'])
  expect(guarded.allRefs()).toEqual(before)
})

test('what the user does meanwhile in the own checkout stays', async () => {
  repo.git('init', '-q', '--bare', join(folder, 'remote.git'))
  repo.git('remote', 'add', 'origin', join(folder, 'remote.git'))
  repo.git('push', '-q', 'origin', 'main')
  const clone = join(folder, 'clone')
  repo.git('clone', '-q', join(folder, 'remote.git'), clone)
  const report = await guarded.turn(() => {
    repo.commit({ 'mine.txt': 'mine' }, 'by the user')
    repo.git('switch', '-q', '-c', 'feature')
    repo.commit({ 'more.txt': 'more' })
    repo.git('switch', '-q', 'main')
    repo.git('merge', '-q', '--no-ff', 'feature')
    repo.git('push', '-q', 'origin', 'main')
    repo.gitIn(clone, ['commit', '-q', '--allow-empty', '-m', 'theirs'])
    repo.gitIn(clone, ['tag', 'theirs'])
    repo.gitIn(clone, ['push', '-q', 'origin', 'HEAD:refs/heads/theirs', 'theirs'])
    repo.git('fetch', '-q', 'origin')
    repo.write('a.txt', 'stash me\n')
    repo.git('stash', '-q')
    repo.write('b.txt', 'being edited\n')
  })
  expect(report.violations).toEqual([])
  expect(repo.git('log', '--format=%s', 'main')).toContain('by the user')
  expect(
    repo.git('rev-parse', 'feature', 'refs/remotes/origin/theirs', 'theirs', 'refs/stash').split('\n'),
  ).toHaveLength(4)
  expect(report.notes.map((one) => one.kind)).toContain('checkout')
  expect(report.notes.find((one) => one.kind === 'checkout')?.message).toContain('b.txt')
  expect(readFileSync(join(repo.root, 'b.txt'), 'utf8')).toBe('being edited\n')
})

test('an agent that commits in the user’s checkout is known by its mark', async () => {
  const before = repo.git('rev-parse', 'main')
  const report = await guarded.turn(() => {
    writeFileSync(join(repo.root, 'a.txt'), 'by the agent\n')
    repo.gitIn(work, ['-C', repo.root, 'commit', '-q', '-a', '-m', 'evil'], { GIT_COMMITTER_EMAIL: MARK })
  })
  expect(subjects(report, guarded)).toEqual(['refs/heads/main'])
  expect(repo.git('rev-parse', 'main')).toBe(before)
  expect(readFileSync(join(repo.root, 'a.txt'), 'utf8')).toBe('by the agent\n') // files are never touched
})

test('HEAD of the user’s checkout is put back when only HEAD was changed', async () => {
  const report = await guarded.turn(() => writeFileSync(join(dotGit, 'HEAD'), 'ref: refs/heads/other\n'))
  expect(report.violations).toMatchObject([{ kind: 'head', undone: true }])
  expect(repo.git('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
  const switched = await guarded.turn(() => {
    repo.gitIn(repo.root, ['rm', '-q', '--cached', 'a.txt'])
    writeFileSync(join(dotGit, 'HEAD'), 'ref: refs/heads/other\n')
  })
  expect(switched.violations).toMatchObject([{ kind: 'head', undone: false }])
  repo.git('symbolic-ref', 'HEAD', 'refs/heads/main')
})

test('an edit that the user makes while something is undone is not lost', async () => {
  const { restore, readState } = await import('./files.ts')
  const config = join(dotGit, 'config')
  const before = await readState(config)
  appendFileSync(config, '[evil]\n\tx = 1\n')
  const seen = await readState(config)
  appendFileSync(config, '[user]\n\tnickname = mine\n')
  expect(await restore(config, seen, before)).toBe(false)
  expect(readFileSync(config, 'utf8')).toContain('mine')
})

test('ten thousand refs are quick to compare', async () => {
  const head = repo.git('rev-parse', 'HEAD')
  const packed = Array.from({ length: 10_000 }, (_, i) => `${head} refs/tags/t${String(i).padStart(5, '0')}\n`).join('')
  writeFileSync(join(dotGit, 'packed-refs'), `# pack-refs with: peeled fully-peeled sorted \n${packed}`)
  const started = process.threadCpuUsage()
  const report = await guarded.turn(() => repo.git('tag', '-d', 't00500'))
  expect(subjects(report, guarded)).toEqual(['refs/tags/t00500'])
  expect(repo.git('rev-parse', 't00500')).toBe(head)
  const { user, system } = process.threadCpuUsage(started)
  expect((user + system) / 1000).toBeLessThan(5000)
})
