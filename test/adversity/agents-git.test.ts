import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { World, type Turn } from '../support/world.ts'
import { events, expectProven, prompts, status, userState } from './support.ts'
import { world, use, GATE, GOOD, start, run, task, expectLanded, gitFiles } from './agents-world.ts'

describe('an agent that changes what is not its own', () => {
  it('task lists and specs: dropped and noted', async () => {
    use(
      new World({
        implementer: {
          T001: [
            {
              ...GOOD,
              files: {
                'good.txt': 'good\n',
                'specs/001-x/tasks.md': '- [x] T001 all\n- [x] T002 done\n',
                'specs/001-x/spec.md': null,
              },
            },
          ],
          T002: [{ files: { 'two.txt': '2\n' }, sh: 'rm -r specs && echo file > specs' }],
        },
      }),
    )
    world.feature('001-x', ['- [ ] T001 Write one', '- [ ] T002 Write two']).config(GATE).commit()
    const result = await world.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    const [, one, two] = world.log()
    expect(world.git('diff-tree', '-r', '--name-only', '--no-commit-id', one?.hash ?? '')).toBe(
      'good.txt\nspecs/001-x/tasks.md',
    )
    expect(world.git('show', `${one?.hash}:specs/001-x/tasks.md`)).toMatch(/\[[xX]\] T001[^]*\[ \] T002/)
    expect(world.git('diff-tree', '-r', '--name-only', '--no-commit-id', two?.hash ?? '')).toBe(
      'specs/001-x/tasks.md\ntwo.txt',
    )
    const notes = JSON.stringify(
      (await events(world)).filter((event) => event.type === 'attempt.note').map((event) => event.data),
    )
    for (const path of ['tasks.md', 'spec.md']) expect(notes).toContain(`specs/001-x/${path}`)
    await expectProven(world)
  })

  it('commits, branches, stashes and tags of its own: the change counts, the rest goes', async () => {
    start([
      {
        sh: `git switch -qc mine && echo good > good.txt && git add -A && git commit -qm 'my own commit' && git tag -f v9 && echo more > more.txt && git switch -qc mine2 && git commit -qm empty --allow-empty`,
      },
      GOOD,
    ])
    const before = userState(world)
    await run(0)
    const now = userState(world)
    expect(now['branches']).toEqual(
      (before['branches'] as string[]).map((line) => line.replace(/[0-9a-f]{40}$/, world.git('rev-parse', 'main'))),
    )
    expect(world.log()).toHaveLength(2)
    expect(world.git('status', '--porcelain')).toBe('')
    await expectProven(world)
  })

  it('a commit on its own branch is no offence', async () => {
    start([{ sh: 'echo good > good.txt && git add -A && git commit -qm "my own commit"' }])
    await run(0)
    expect(await task()).toMatchObject({ attempt: 1 })
    await expectLanded('good.txt')
    expect(world.log().at(-1)?.subject).toBe('Do some good')
  })

  it.each<[string, (repo: string) => string]>([
    ['commits in it', (repo) => `git -C '${repo}' commit -q --allow-empty -m evil`],
    [
      'moves its branch',
      (repo) => `git -C '${repo}' update-ref refs/heads/main $(git commit-tree -m evil HEAD^{tree})`,
    ],
    ['makes a branch in it', (repo) => `git -C '${repo}' branch evil`],
    ['deletes a branch of it', (repo) => `git -C '${repo}' branch -D other`],
    ['pushes into it', () => `git push -q . HEAD:refs/heads/evil HEAD:refs/heads/other -f`],
    [
      'changes its configuration',
      () => `git config core.hooksPath /tmp/evil && git config alias.st '!touch /tmp/evil'`,
    ],
    [
      'adds a hook',
      (repo) =>
        `printf '#!/bin/sh\\ntouch ${repo}/evil\\n' > '${repo}/.git/hooks/pre-commit' && chmod 755 '${repo}/.git/hooks/pre-commit'`,
    ],
    [
      'changes its attributes',
      (repo) =>
        `mkdir -p '${repo}/.git/info' && echo '* filter=evil' > '${repo}/.git/info/attributes' && git config filter.evil.clean 'sh -c "touch ${repo}/evil; cat"'`,
    ],
    ['sets a remote', () => `git remote add evil https://127.0.0.1:1/evil.git`],
  ])("reaches into the user's checkout and %s: undone, and the attempt fails", async (_name, sh) => {
    start([GOOD, GOOD])
    world.git('branch', 'other')
    world.script({
      byCall: true,
      implementer: { '*': [{ ...GOOD, sh: sh(world.repo) }, GOOD] },
      reviewer: { '*': [{}] },
    })
    const before = { branches: userState(world)['branches'], git: gitFiles() }
    await run(0)
    expect(await task()).toMatchObject({ status: 'done', attempt: 2 })
    expect(prompts(world, 'implementer')[1]).toContain('Undone')
    const landed = world.git('rev-parse', 'main')
    expect(world.log().map((commit) => commit.subject)).toEqual(['work', 'Do some good'])
    const now = { branches: userState(world)['branches'], git: gitFiles() }
    expect(now.git).toEqual(before.git)
    expect(now.branches).toEqual(
      (before.branches as string[]).map((line) => (line.includes('/main ') ? `refs/heads/main ${landed}` : line)),
    )
    expect(world.has('evil')).toBe(false)
    expect((await events(world)).filter((event) => event.type === 'attempt.tampered')).toHaveLength(1)
    await expectLanded('good.txt')
  })

  it('worktrees of its own: they are gone when its turn ends, and fail the attempt', async () => {
    start([GOOD])
    const [one, two] = [join(world.dir, 'one'), join(world.dir, 'two')]
    const sh = `git worktree add -q -b own '${one}' && echo x > '${one}/new.txt' && git worktree add -q --lock --detach '${two}'`
    world.script({ byCall: true, implementer: { '*': [{ ...GOOD, sh }, GOOD] }, reviewer: { '*': [{ sh }, {}] } })
    await run(0)
    expect(await task()).toMatchObject({ status: 'done', attempt: 2 })
    expect([one, two].filter((path) => existsSync(path))).toEqual([])
    expect(world.git('worktree', 'list').split('\n')).toHaveLength(1)
    expect(existsSync(join(world.repo, '.git/worktrees'))).toBe(false)
    const tampered = (await events(world)).find((event) => event.type === 'attempt.tampered')
    expect(JSON.stringify(tampered?.data)).toContain(`the agent added a worktree at ${two}; it was removed`)
    const notes = (await events(world)).filter((event) => event.type === 'review.note')
    expect(JSON.stringify(notes)).toContain(`the agent added a worktree at ${one}; it was removed`)
    await expectLanded('good.txt')
  })

  it("files in the user's checkout: told, and left as they are", async () => {
    start([GOOD])
    world.script({
      implementer: {
        '*': [{ ...GOOD, sh: `echo changed > '${world.repo}/a.txt'; echo new > '${world.repo}/untracked.txt'` }],
      },
    })
    const result = await run(0)
    expect(world.read('untracked.txt')).toBe('new\n')
    expect(world.read('a.txt')).toBe('changed\n')
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: false })
    expect(JSON.stringify(await events(world)) + result.stderr).toContain('a.txt')
  })

  it('its own way to git', async () => {
    const ways: [string, Turn][] = [
      ['.git gone', { ...GOOD, sh: 'rm .git' }],
      [
        '.git a repository',
        {
          ...GOOD,
          sh: 'rm .git && git init -q . && git add -A && git -c user.name=x -c user.email=x@x commit -qm own',
        },
      ],
      ['.git a folder', { ...GOOD, sh: 'rm .git && mkdir .git && echo x > .git/x' }],
      ['.git a link', { ...GOOD, sh: 'rm .git && ln -s /nowhere .git' }],
      ['.git a pipe', { ...GOOD, sh: 'rm .git && mkfifo .git' }],
    ]
    for (const [name, does] of ways) {
      start([does, GOOD])
      const before = gitFiles()
      const result = await world.belay(['run', 'Do some good'])
      expect(result.code, `${name}\n${result.stderr}`).toBe(0)
      expect(gitFiles(), name).toEqual(before)
      expect(world.log(), name).toHaveLength(2)
      expect(world.git('status', '--porcelain'), name).toBe('')
      expect(world.git('fsck', '--no-dangling'), name).toBe('')
      world.dispose()
    }
    start([GOOD])
  })

  it("a .git that points at the user's own", async () => {
    start([GOOD])
    world.script({
      byCall: true,
      implementer: { '*': [{ ...GOOD, sh: `echo 'gitdir: ${world.repo}/.git' > .git && rm a.txt` }, GOOD] },
      reviewer: { '*': [{}] },
    })
    world.files({ 'staged.txt': 'staged\n', 'mine.txt': 'mine\n' })
    world.git('add', 'staged.txt')
    const before = { ...userState(world), git: gitFiles() }
    await run(0)
    expect({ ...userState(world), git: gitFiles() }).toEqual(before)
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: false })
    await expectProven(world, (await status(world)).run?.result_branch)
  })

  it("a repository in a submodule's folder, whose filter git would run", async () => {
    start([GOOD])
    const ran = join(world.dir, 'ran')
    const made = join(world.dir, 'made')
    const git = (...args: string[]): string => world.git('-C', made, ...args)
    world.git('init', '-q', made)
    git('commit', '-q', '--allow-empty', '-m', 'one')
    world.git('update-index', '--add', '--cacheinfo', `160000,${git('rev-parse', 'HEAD')},lib`)
    const sh = [
      `mkdir -p lib && cp -r '${made}/.git' lib/ && cd lib && echo a > a && git add a && echo b > a && touch -d @1000 a`,
      `echo '* filter=x' > .gitattributes && git config filter.x.clean "touch '${ran}'; cat"`,
      // It is really there: git by itself does run it.
      `git -C .. add --all && mv '${ran}' '${ran}-for-real'`,
    ]
    world.script({ byCall: true, implementer: { '*': [{ ...GOOD, sh: sh.join(' && ') }] } })
    world.files({ '.gitmodules': '[submodule "lib"]\n\tpath = lib\n\turl = ./lib\n' })
    world.git('add', '.gitmodules')
    world.git('commit', '-qm', 'with a submodule')
    await run(0)
    expect(existsSync(`${ran}-for-real`)).toBe(true)
    expect(existsSync(ran)).toBe(false)
    expect(world.git('diff', '--name-only', 'HEAD', (await status(world)).run?.result_branch ?? '')).toBe('good.txt')
  })

  it('objects that others need: collects, repacks and prunes', async () => {
    start(
      [
        {
          ...GOOD,
          sh: 'git reflog expire --expire=now --all; git gc -q --prune=now; git repack -adq; git prune --expire=now; git worktree prune --expire=now; git pack-refs --all',
        },
        { files: { 'good.txt': 'good too\n' } },
      ],
      {
        reviewer: [
          { answer: { verdict: 'rework', findings: [{ severity: 'low', issue: 'again', fixHint: 'please' }] } },
          {},
        ],
      },
    )
    await run(0)
    expect(world.git('fsck', '--no-dangling')).toBe('')
    await expectLanded('good.txt')
  })

  it('its index, so that its change would not be seen', async () => {
    start([
      {
        sh: 'git update-index --assume-unchanged a.txt && git update-index --skip-worktree sub/b.txt && echo changed > a.txt && echo changed > sub/b.txt && echo good > good.txt && rm "$(git rev-parse --git-dir)/index"',
      },
    ])
    await run(0)
    await expectLanded('a.txt', 'good.txt', 'sub/b.txt')
  })

  it('its index by flags alone', async () => {
    start([
      {
        sh: 'git update-index --assume-unchanged a.txt && git update-index --skip-worktree sub/b.txt && echo changed > a.txt && echo changed > sub/b.txt && echo good > good.txt',
      },
    ])
    await run(0)
    await expectLanded('a.txt', 'good.txt', 'sub/b.txt')
  })

  it('a lock that it leaves', async () => {
    start([{ ...GOOD, sh: 'touch "$(git rev-parse --git-dir)/index.lock" "$(git rev-parse --git-dir)/HEAD.lock"' }])
    await run(0)
    await expectLanded('good.txt')
  })
})
