import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { BelayError } from '../../core/errors.ts'
import { SessionStore } from '../../sessions/index.ts'
import { parallelBase } from './parts.ts'

it('a part whose whole is removed by the one that could not prepare it prepares it itself', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-parts-')))
  try {
    const repo = join(folder, 'repo')
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { encoding: 'utf8' }).trim()
    git('init', '-q', repo)
    git('-C', repo, 'commit', '-q', '--allow-empty', '-m', 'first')
    const store = new SessionStore(join(folder, 'home'))
    await store.create('s')
    vi.spyOn(store, 'open').mockImplementationOnce(async () => {
      // The other process holds it, fails, and removes it again.
      await store.remove('s', false)
      throw new BelayError('held', 'session s is in use')
    })
    const base = await parallelBase(store, 's', { clone: null, cwd: repo })
    expect(base.commit).toBe(git('-C', repo, 'rev-parse', 'HEAD'))
    expect(existsSync(base.root)).toBe(true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
