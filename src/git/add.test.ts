import { chmodSync, existsSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addAll } from './add.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

/** Repositories in folders of a checkout, as an agent can create them: their configuration names programs. */
describe('addAll', () => {
  let repo: TestRepo
  beforeEach(() => {
    repo = makeRepo()
  })
  afterEach(() => repo.remove())

  const ran = (): boolean => existsSync(join(repo.root, '..', 'ran'))
  const status = (): string => repo.git('status', '--porcelain', '--ignore-submodules=all')
  const staged = (): string => repo.git('ls-files', '--stage', 'sub').split(/[\s]/).slice(0, 2).join(' ')

  /**
   * A repository in `sub` whose filter, monitor and hooks leave a mark when run, with a change for which git runs the filter.
   */
  function plant(): string {
    const sub = join(repo.root, 'sub')
    repo.write('sub/a', 'a')
    repo.gitIn(repo.root, ['init', '-q', 'sub'])
    for (const args of [
      ['add', '.'],
      ['commit', '-qm', 'one'],
    ])
      repo.gitIn(sub, args)
    repo.git('add', 'sub')
    repo.git('commit', '-qm', 'with sub')
    const mark = join(repo.root, '..', 'ran')
    repo.write('sub/.gitattributes', '* filter=x diff=x')
    repo.write('sub/.git/hooks/post-index-change', `#!/bin/sh\ntouch '${mark}'\n`)
    chmodSync(join(sub, '.git/hooks/post-index-change'), 0o755)
    for (const key of ['filter.x.clean', 'core.fsmonitor', 'diff.x.textconv']) {
      repo.gitIn(sub, ['config', key, `touch '${mark}'; cat`])
    }
    repo.write('sub/a', 'b')
    utimesSync(join(sub, 'a'), 1000, 1000)
    rmSync(mark, { force: true })
    return sub
  }

  it.each([{}, { update: true }])('runs nothing of a repository in a folder (%j)', async (how) => {
    plant()
    repo.write('b', 'new')
    await addAll(repo.root, how)
    expect(ran()).toBe(false)
    expect(status()).toBe('update' in how ? '?? b' : 'A  b')
    // The trap works: git on its own does run it.
    repo.git('add', '--all')
    expect(ran()).toBe(true)
  })

  it('takes in where such a repository is, that it went, and what came in its place', async () => {
    const sub = plant()
    repo.gitIn(sub, ['-c', 'core.fsmonitor=false', 'commit', '-q', '--allow-empty', '-m', 'two'])
    const head = repo.gitIn(sub, ['rev-parse', 'HEAD'])
    rmSync(join(repo.root, '..', 'ran'), { force: true })
    await addAll(repo.root)
    expect(staged()).toBe(`160000 ${head}`)
    rmSync(sub, { recursive: true })
    repo.write('sub', 'a file')
    await addAll(repo.root)
    expect(staged()).toBe(`100644 ${repo.git('hash-object', 'sub')}`)
    repo.git('update-index', '--cacheinfo', `160000,${head},sub`)
    rmSync(sub)
    await addAll(repo.root)
    expect([staged(), ran()]).toEqual(['', false])
  })

  it('does so for names that are no UTF-8, and from a folder below', async () => {
    const sub = plant()
    repo.write('x/y/z', '')
    await addAll(join(repo.root, 'x/y'))
    expect([status(), ran()]).toEqual(['A  x/y/z', false])
    repo.gitIn(repo.root, ['-c', 'core.hooksPath=/dev/null', 'rm', '-q', '--cached', 'sub'])
    repo.gitIn(sub, ['-c', 'core.fsmonitor=false', 'rev-parse', 'HEAD'])
    const odd = Buffer.concat([Buffer.from(`${repo.root}/o`), Buffer.from([0xff])])
    const { renameSync } = await import('node:fs')
    renameSync(sub, odd)
    repo.git('add', '--all')
    rmSync(join(repo.root, '..', 'ran'), { force: true })
    await addAll(repo.root)
    expect(ran()).toBe(false)
    repo.git('add', '--all')
    expect(ran()).toBe(true)
  })

  it('leaves a submodule without a checkout as it is', async () => {
    const sub = plant()
    const before = staged()
    rmSync(join(sub, '.git'), { recursive: true })
    await addAll(repo.root)
    expect(staged()).toBe(before)
  })
})
