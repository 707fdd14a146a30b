import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { collect } from '../support/world.ts'
import { events, expectProven, prompts, status, userState } from './support.ts'
import { world, GOOD, start, run, task, expectLanded, gitFiles } from './agents-world.ts'

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
    const program = join(import.meta.dirname, '../support/built.cjs')
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
