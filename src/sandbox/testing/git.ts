import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PATH, type Stage } from './harness.ts'

const IDENTITY = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
}

function git(cwd: string, ...args: string[]): string {
  const safe = ['-c', 'safe.directory=*', '-c', 'init.defaultBranch=main', ...args]
  return execFileSync('git', safe, { cwd, encoding: 'utf8', env: { PATH, HOME: '/', ...IDENTITY } }).trim()
}

/** Repositories in the workspace, and parts of them outside it. */
export function describeGit({ harness, ground }: Stage): void {
  describe('git', () => {
    const confined = harness.can.confine

    it('reads a worktree whose repository is outside', async () => {
      const { outside, workspace } = ground()
      git(outside, 'init', '-q')
      writeFileSync(join(outside, 'a'), '1\n')
      git(outside, 'add', '.')
      git(outside, 'commit', '-qm', 'one')
      git(outside, 'worktree', 'add', '-q', join(workspace, 'tree'))
      const tree = join(workspace, 'tree')
      writeFileSync(join(tree, 'a'), '2\n')
      const sandbox = await ground().open({ workspace: tree })
      const env = { PATH, HOME: '/', ...IDENTITY }
      const read = await ground().run(sandbox, 'git status --porcelain && git log --format=%s && git diff --stat', {
        cwd: tree,
        env,
      })
      expect(read.err).toBe('')
      expect(read.out).toContain(' M a\none\n')
      const commit = await ground().run(sandbox, 'git add a && git commit -qm two', { cwd: tree, env })
      expect(commit.exit.code === 0).toBe(!confined)
      if (!confined) return
      const evil =
        'git config core.fsmonitor evil; echo evil > "$(git rev-parse --git-common-dir)/hooks/post-commit"; echo "gitdir: /tmp" > .git; mv .git x'
      await ground().run(sandbox, evil, { cwd: tree, env })
      expect(git(outside, 'config', '--get-all', 'core.bare')).toBe('false')
      expect(readFileSync(join(outside, '.git', 'config'), 'utf8')).not.toContain('evil')
      expect(existsSync(join(outside, '.git', 'hooks', 'post-commit'))).toBe(false)
      expect(git(tree, 'status', '--porcelain')).toBe('M a')
    })

    it('commits in a repository of its own, but what makes git run programs stays as it was', async () => {
      const { workspace } = ground()
      git(workspace, 'init', '-q')
      const sandbox = await ground().open()
      const env = { PATH, HOME: '/', ...IDENTITY }
      const ran = await ground().run(sandbox, 'echo 1 > a; git add a && git commit -qm one && git log --format=%s', {
        env,
      })
      expect([ran.out, ran.err]).toEqual(['one\n', ''])
      if (!confined) return
      const config = readFileSync(join(workspace, '.git', 'config'), 'utf8')
      const evil = [
        'git config core.fsmonitor evil',
        'echo evil > .git/hooks/pre-commit',
        'echo "* filter=evil" > .git/info/attributes',
        'mkdir other; cp .git/config other/; echo ../other > .git/commondir',
        'mv .git was; mkdir .git',
        'rm -rf .git/hooks .git/config',
      ].join('\n')
      await ground().run(sandbox, evil, { env })
      expect(readFileSync(join(workspace, '.git', 'config'), 'utf8')).toBe(config)
      expect(existsSync(join(workspace, '.git', 'hooks', 'pre-commit'))).toBe(false)
      expect(existsSync(join(workspace, '.git', 'info', 'attributes'))).toBe(false)
      expect(existsSync(join(workspace, '.git', 'commondir'))).toBe(false)
      expect(git(workspace, 'log', '--format=%s')).toBe('one')
    })

    it.runIf(confined)('puts up with a repository that has no hooks, and keeps it so', async () => {
      const { workspace } = ground()
      git(workspace, 'init', '-q', '--template=')
      mkdirSync(join(workspace, 'sub'))
      const sandbox = await ground().open()
      const ran = await ground().run(sandbox, 'mkdir .git/hooks; echo evil > .git/hooks/pre-commit; echo ran')
      expect(ran.out).toBe('ran\n')
      expect(existsSync(join(workspace, '.git', 'hooks', 'pre-commit'))).toBe(false)
      await sandbox.close()
      expect(existsSync(join(workspace, '.git', 'hooks'))).toBe(false)
    })
  })
}
