import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { World, collect, type Result, type Scenario, type Turn } from '../support/world.ts'
import { events, expectProven, prompts, status, survivors, userState, verified } from './support.ts'

let world: World
afterEach(() => {
  expect(survivors(world)).toEqual([])
  world.dispose()
})

const GATE = 'verify:\n  commands: [{run: "! grep -rqs bad good.txt", name: good}]\n'
const GOOD: Turn = { files: { 'good.txt': 'good\n' } }

/** A repository whose agent does these turns, call by call (the last one repeats), for a prompt. */
function start(
  turns: readonly Turn[],
  more: { readonly config?: string; readonly reviewer?: readonly Turn[] } = {},
): World {
  const scenario: Scenario = { byCall: true, implementer: { '*': turns }, reviewer: { '*': more.reviewer ?? [{}] } }
  world = new World(scenario)
  return world
    .files({ 'a.txt': 'a\n', 'sub/b.txt': 'b\n' })
    .config(`${more.config ?? ''}${GATE}`)
    .commit()
}

async function run(code: number, ...args: readonly string[]): Promise<Result> {
  const result = await world.belay(['run', 'Do some good', ...args])
  expect(result.code, result.stdout + result.stderr).toBe(code)
  return result
}

async function task(): Promise<{ status: string; attempt: number; code: string | undefined; message: string }> {
  const [one] = (await status(world)).tasks
  return {
    status: one?.status ?? '',
    attempt: one?.attempt ?? 0,
    code: one?.reason?.code,
    message: one?.reason?.message ?? '',
  }
}

/** The change landed as one commit that holds exactly these paths, and nothing of the user's is otherwise touched. */
async function expectLanded(...paths: readonly string[]): Promise<void> {
  expect((await status(world)).run).toMatchObject({ status: 'done', landed: true })
  expect(world.log()).toHaveLength(2)
  expect(world.git('diff', '--name-only', 'HEAD~1').split('\n')).toEqual([...paths].sort())
  expect(world.git('status', '--porcelain')).toBe('')
  await expectProven(world)
}

/** Files that decide what git does: as they are now. */
function gitFiles(): Record<string, string> {
  const seen: Record<string, string> = {}
  for (const name of ['config', 'info/attributes', 'info/exclude', 'HEAD']) {
    const file = join(world.repo, '.git', name)
    if (existsSync(file)) seen[name] = readFileSync(file, 'utf8')
  }
  for (const name of readdirSync(join(world.repo, '.git', 'hooks')))
    seen[`hooks/${name}`] = readFileSync(join(world.repo, '.git', 'hooks', name), 'utf8')
  return seen
}

const limits = (stall: string, timeout: string): string[] => [
  '--set',
  `workflow.roles.implementer.stall=${stall}`,
  '--set',
  `workflow.roles.implementer.timeout=${timeout}`,
]

describe('an agent that does not end', () => {
  it('and says nothing is ended, and asked again without a burnt attempt', async () => {
    start([
      { files: { 'half.txt': 'half\n' }, sh: 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & true', hang: true },
      GOOD,
    ])
    await run(0, ...limits('1500ms', '1m'))
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    expect(world.requests().filter((one) => one['role'] === 'implementer')).toHaveLength(2)
    // What the ended turn had written is not in the commit of the next.
    await expectLanded('good.txt')
  })

  it('blocks its task when it does so again and again', async () => {
    start([{ hang: true }])
    const before = userState(world)
    await run(3, ...limits('800ms', '1m'))
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 0, code: 'agent_stall' })
    expect(userState(world)).toEqual(before)
  })

  it('but talks on is ended when its time is over', async () => {
    start([{ sh: 'while :; do echo \'{"type":"message","text":"still at it"}\'; sleep 0.05; done' }, GOOD])
    await run(0, ...limits('1m', '1500ms'))
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    expect(
      (await events(world)).filter((event) => event.type === 'session.ended').map((event) => event.data['status']),
    ).toEqual(['timeout', 'completed', 'completed'])
  })

  it('has answered, but leaves processes that write: they are ended before anything is kept', async () => {
    const beat = join(tmpdir(), `belay-beat-${process.pid}`)
    start([
      {
        ...GOOD,
        sh: `(setsid bash -c 'while :; do date +%N > ${beat}; sleep 0.01; done' </dev/null >/dev/null 2>&1 &)\n(sleep 1000 &)\nuntil [ -e ${beat} ]; do sleep 0.01; done`,
      },
    ])
    await run(0)
    expect(survivors(world)).toEqual([])
    rmSync(beat)
    await expectLanded('good.txt')
    expect(existsSync(beat)).toBe(false)
  })
})

describe('an agent that floods', () => {
  it.each<[string, string]>([
    ['one endless line', "head -c 1100000000 /dev/zero | tr '\\0' x"],
    ['short lines', 'yes | head -c 1100000000'],
    ['messages', `yes '{"type":"message","text":"${'m'.repeat(2000)}"}' | head -c 1100000000`],
    ['errors', "head -c 1100000000 /dev/zero | tr '\\0' x >&2"],
  ])('%s: bounded memory, disk and time', async (_name, sh) => {
    start([{ sh }, GOOD])
    const result = await world.belay(['run', 'Do some good'], { node: ['--max-old-space-size=300'] })
    expect(result.code, result.stderr).toBe(0)
    await expectLanded('good.txt')
    expect(await task()).toMatchObject({ attempt: 1 })
    expect(statSync(join(world.home, 'belay.db')).size).toBeLessThan(40 << 20)
    for (const name of readdirSync(join(world.home, 'sessions')))
      expect(statSync(join(world.home, 'sessions', name)).size).toBeLessThan(150 << 20)
  })

  it('garbage between its frames is kept and does no harm', async () => {
    const odd = [
      '',
      'not json',
      '{"type":',
      '[]',
      'null',
      '"x"',
      '{"type":"constructor"}',
      '{"type":"message"}',
      '{"__proto__":{"type":"result"}}',
      '\u0000\u0007\u001b[31m',
      '{"type":"usage","input_tokens":"many"}',
      '{"type":"usage","input_tokens":-5,"output_tokens":1e308,"cost_usd":-1}',
    ]
    start([{ ...GOOD, lines: odd, sh: 'printf \'\\377\\376\\n{"type":"message","text":"\\303"}\\n\'' }])
    await run(0)
    await expectLanded('good.txt')
    expect((await status(world)).run).toMatchObject({ status: 'done' })
  })
})

describe('an agent that answers badly', () => {
  const bad: Turn = { ...GOOD, answer: { status: 'finished' } }

  it('is asked again twice, in the same attempt', async () => {
    start([bad, { ...GOOD, answer: { summary: 5, extra: true } }, GOOD])
    await run(0)
    const asked = prompts(world, 'implementer')
    expect(asked).toHaveLength(3)
    expect(asked[1]).toContain('status')
    expect(asked[2]).toContain('extra')
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    await expectLanded('good.txt')
  })

  it('for a third time has used up its attempt', async () => {
    start([bad, bad, bad, GOOD])
    await run(0)
    expect(await task()).toMatchObject({ status: 'done', attempt: 2 })
    expect(prompts(world, 'implementer')[3]).toContain('did not fit the schema')
  })

  it('and always does is blocked', async () => {
    start([bad], { config: 'task: {max_iterations: 2}\n' })
    const before = userState(world)
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 2, code: 'attempts_exhausted' })
    expect(prompts(world, 'implementer')).toHaveLength(6)
    expect(userState(world)).toEqual(before)
  })

  it('or not at all, and exits with 0: no attempt is burnt, and the task is blocked', async () => {
    start([{ ...GOOD, answer: null }])
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 0, code: 'agent_protocol' })
    expect(world.log()).toHaveLength(1)
  })

  it('and fails: with what it said on stderr', async () => {
    start([{ answer: null, sh: 'echo this is why >&2', exit: 7 }, GOOD])
    await run(0)
    expect(await task()).toMatchObject({ attempt: 1 })
    const reasons = (await events(world))
      .filter((event) => event.type === 'task.suspended')
      .map((event) => JSON.stringify(event.data['reason']))
    expect(reasons).toHaveLength(1)
    expect(reasons[0]).toContain('this is why')
  })

  it('for another task: it is noted, and no failure', async () => {
    start([{ ...GOOD, answer: { taskHandle: 'T999' } }])
    await run(0)
    await expectLanded('good.txt')
  })

  it('at great length', async () => {
    const long = 'x'.repeat(5_000_000)
    start([{ ...GOOD, answer: { summary: `Belay-Task: T1\n${long}`, notes: [long.slice(0, 1000)] } }], {
      reviewer: [{ answer: { summary: long } }],
    })
    await run(0)
    await expectLanded('good.txt')
    expect(world.git('log', '-1', '--format=%B').length).toBeLessThan(6000)
    expect(world.log().at(-1)?.trailers['Belay-Task']).toBe('prompt')
    for (const prompt of prompts(world, 'reviewer')) expect(prompt.length).toBeLessThan(400_000)
  })

  it('with a line that is too long to be read', async () => {
    start([{ ...GOOD, answer: { summary: 'y'.repeat(9_000_000) } }, GOOD])
    await run(0)
    await expectLanded('good.txt')
  })

  it('as a reviewer', async () => {
    const fail = { answer: { verdict: 'pass', acceptanceChecks: [{ criterion: 'x', note: '', status: 'fail' }] } }
    start([GOOD], { reviewer: [{ answer: { verdict: 'great' } }, fail, {}] })
    await run(0)
    expect(prompts(world, 'reviewer')).toHaveLength(3)
    await expectLanded('good.txt')
  })

  it('as a reviewer, always: the task is blocked, unlanded', async () => {
    start([GOOD], { reviewer: [{ answer: { verdict: 'great' } }] })
    const before = userState(world)
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', code: 'agent_protocol' })
    expect(userState(world)).toEqual(before)
  })
})

describe('an agent that claims success', () => {
  it('with failing gates is told what fails, and never believed', async () => {
    start([{ files: { 'good.txt': 'bad\n' }, answer: { summary: 'All tests pass!', notes: ['gates: pass'] } }], {
      config: 'task: {max_iterations: 3}\n',
    })
    const before = userState(world)
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 3, code: 'attempts_exhausted' })
    expect((await verified(world, 'prompt')).map((one) => one.result)).toEqual(['fail', 'fail', 'fail'])
    expect(prompts(world, 'reviewer')).toEqual([])
    expect(userState(world)).toEqual(before)
  })

  it('with nothing done: a person is asked', async () => {
    start([{}])
    const before = userState(world)
    await run(4)
    expect(userState(world)).toEqual(before)
    expect(await task()).toMatchObject({ status: 'waiting', code: 'no_change' })
    const { checkpoints } = await world.json<{ checkpoints: { id: string; task: string }[] }>(['checkpoints'])
    expect(checkpoints).toHaveLength(1)
    expect((await world.belay(['answer', checkpoints[0]?.id ?? '', 'block'])).code).toBe(0)
    expect((await world.belay(['resume'])).code).toBe(3)
    expect(await task()).toMatchObject({ status: 'blocked' })
  })
})

describe('an agent that changes what is not its own', () => {
  it('task lists and specs: dropped and noted', async () => {
    world = new World({
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
    })
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

describe('an agent that attacks its surroundings', () => {
  it('kills its keeper', async () => {
    start([{ sh: 'kill -9 0' }, GOOD])
    await run(0)
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    await expectLanded('good.txt')
  })

  it('removes its workspace', async () => {
    for (const sh of [
      'rm -rf "$PWD"',
      'rm -rf "$PWD"/* "$PWD"/.[a-z]*',
      'd=$PWD; cd /; mv "$d" "$d.gone"',
      'd=$PWD; cd /; rm -rf "$d"; touch "$d"',
    ]) {
      start([{ sh }, GOOD])
      const result = await world.belay(['run', 'Do some good'])
      expect(result.code, `${sh}\n${result.stderr}`).toBe(0)
      expect(world.log(), sh).toHaveLength(2)
      // Removing its own files is a change like any other, for gates and reviewer to judge.
      expect(world.git('diff', '--name-only', 'HEAD~1').split('\n'), sh).toContain('good.txt')
      world.dispose()
    }
    start([GOOD])
  })

  it('cannot write what git cannot keep', async () => {
    start([
      {
        ...GOOD,
        sh: `mkfifo pipe && rm a.txt && mkfifo a.txt && mknod null c 1 3 2>/dev/null; node -e "require('net').createServer().listen('socket', () => process.exit(0))"; true`,
      },
      GOOD,
    ])
    await run(0)
    expect(world.git('ls-tree', '--name-only', 'HEAD')).not.toMatch(/pipe|socket|null/)
    expect(world.git('fsck', '--no-dangling')).toBe('')
    await expectProven(world)
  })

  it('links out of its workspace: they are kept as links, and nothing behind them is read or written', async () => {
    start([GOOD])
    const secret = join(world.dir, 'user', 'secret')
    mkdirSync(secret)
    writeFileSync(join(secret, 'b.txt'), 'secret\n')
    world.script({
      implementer: {
        '*': [
          { ...GOOD, sh: `ln -s /etc etc && rm -r sub && ln -s '${secret}' sub && ln -s '${secret}/b.txt' direct` },
        ],
      },
    })
    await run(0)
    expect(
      world
        .git('ls-tree', 'HEAD', 'sub', 'etc', 'direct')
        .split('\n')
        .map((line) => line.slice(0, 6)),
    ).toEqual(['120000', '120000', '120000'])
    expect(readFileSync(join(secret, 'b.txt'), 'utf8')).toBe('secret\n')
    expect(prompts(world, 'reviewer')[0]).not.toContain('\n+secret\n')
    await expectProven(world)
  })

  it('a nested repository is no change that can land', async () => {
    for (const sh of [
      'git init -q nested && echo x > nested/x && git -C nested add -A && git -C nested -c user.name=x -c user.email=x@x commit -qm x',
      'git init -q nested && echo x > nested/x',
      'git init -q nested',
    ]) {
      start([{ ...GOOD, sh }])
      const before = userState(world)
      const result = await world.belay(['run', 'Do some good'])
      // With a commit it would be a submodule's pointer; without one git keeps its files, or nothing.
      expect([0, 3], `${sh}\n${result.stderr}`).toContain(result.code)
      const one = await task()
      if (result.code === 3) {
        expect(one.code).toMatch(/^(submodule_changed|attempts_exhausted)$/)
        expect(userState(world)).toEqual(before)
      } else expect(world.git('ls-tree', '-r', 'HEAD')).not.toContain('160000')
      world.dispose()
    }
    start([GOOD])
  })

  it('files that nobody may read', async () => {
    start([
      { ...GOOD, sh: 'mkdir closed && echo x > closed/x && echo y > unreadable && chmod 000 closed unreadable' },
      GOOD,
    ])
    const root = process.getuid?.() === 0
    if (root) execFileSync('chown', ['-R', '65534:65534', world.dir])
    const program = join(import.meta.dirname, '../support/built.mjs')
    const drop = root ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
    const result = await collect(world.startCommand([...drop, process.execPath, program, 'run', 'Do some good']))
    if (root) execFileSync('chown', ['-R', '0:0', world.dir])
    expect(result.code, result.stderr).toBe(0)
    expect(world.git('ls-tree', '--name-only', 'HEAD')).toContain('good.txt')
    expect(world.git('fsck', '--no-dangling')).toBe('')
  })

  it('a filter of its own in .gitattributes', async () => {
    start([{ ...GOOD, files: { '.gitattributes': '* filter=evil diff=evil merge=evil\n', 'good.txt': 'good\n' } }])
    await run(0)
    await expectLanded('.gitattributes', 'good.txt')
  })

  it('huge files', async () => {
    start([
      { ...GOOD, sh: 'head -c 60000000 /dev/zero > zero.bin; yes "a line of text" | head -c 60000000 > text.txt' },
    ])
    const result = await world.belay(['run', 'Do some good'], { node: ['--max-old-space-size=400'] })
    expect(result.code, result.stderr).toBe(0)
    for (const prompt of prompts(world, 'reviewer')) {
      expect(prompt.length).toBeLessThan(500_000)
      expect(prompt).toMatch(/\[\.\.\. \d+ bytes left out \.\.\.\]/)
    }
    await expectLanded('good.txt', 'text.txt', 'zero.bin')
  })

  it('very many files', async () => {
    start([{ ...GOOD, sh: 'mkdir many && cd many && seq 1 20000 | split -l 1 -a 5 -d -' }])
    await run(0)
    expect(world.git('ls-tree', '-r', '--name-only', 'HEAD').split('\n').length).toBeGreaterThan(9999)
    await expectProven(world)
  })
})

describe('a reviewer', () => {
  it('that edits, commits, and reaches out changes nothing', async () => {
    start([GOOD])
    const evil = `echo evil > good.txt; echo evil > evil.txt; git add -A; git commit -qm evil; git branch -f evil; git -C '${world.repo}' commit -q --allow-empty -m evil; git config core.hooksPath /tmp/evil; (setsid sleep 1000 </dev/null >/dev/null 2>&1 &)`
    world.script({ implementer: { '*': [GOOD] }, reviewer: { '*': [{ sh: evil }] } })
    const before = gitFiles()
    await run(0)
    expect(gitFiles()).toEqual(before)
    expect(
      world
        .git('for-each-ref', '--format=%(refname)', 'refs/heads')
        .split('\n')
        .filter((ref) => !ref.includes('belay/')),
    ).toEqual(['refs/heads/main'])
    await expectLanded('good.txt')
    expect(world.read('good.txt')).toBe('good\n')
    expect(JSON.stringify((await events(world)).filter((event) => event.type === 'review.note'))).toContain(
      '.git/config was changed',
    )
  })

  it('that blocks, replans or finds the same again and again ends the task as said', async () => {
    start([GOOD], { reviewer: [{ answer: { verdict: 'blocked', summary: 'no way' } }] })
    await run(3)
    expect(await task()).toMatchObject({
      status: 'blocked',
      code: 'review_blocked',
      message: expect.stringContaining('no way'),
    })
    world.dispose()
    start([GOOD], { reviewer: [{ answer: { verdict: 'replan', summary: 'wrong task' } }] })
    await run(3)
    expect(await task()).toMatchObject({ status: 'replan', code: 'review_replan' })
    expect((await status(world)).run?.status).toBe('replan')
    world.dispose()
    const again = {
      answer: { verdict: 'rework', findings: [{ severity: 'high', issue: 'still wrong', fixHint: 'mend it' }] },
    }
    start(
      [1, 2, 3, 4, 5, 6].map((n) => ({ files: { 'good.txt': `${n}\n` } })),
      { reviewer: [again], config: 'task: {max_iterations: 20}\n' },
    )
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 5, code: 'findings_repeat' })
  })
})
