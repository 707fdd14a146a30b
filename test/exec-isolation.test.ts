import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World, collect, said, type Turn } from './support/world.ts'

let world: World
let server: Server | undefined
beforeEach(() => {
  world = new World()
  world.config().unconfined().files({ 'README.md': 'hello\n' }).commit('first')
})
afterEach(async () => {
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)))
  server = undefined
  world.dispose()
})

function agent(...turns: readonly Turn[]): void {
  world.script({ implementer: { exec: turns }, byCall: true })
}

const workspace = (session: string, folder = 'main'): string =>
  join(world.home, 'workspaces', 'session', session, folder)

function gitIn(cwd: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd, env: world.env, encoding: 'utf8' }).trimEnd()
}

/** The user's repository over HTTP, for those who know the password. */
async function serve(): Promise<{ url: string; host: string; refused: () => number }> {
  const bare = join(world.dir, 'served', 'repo.git')
  world.git('clone', '-q', '--bare', '.', bare)
  execFileSync('git', ['config', 'uploadpack.allowAnySHA1InWant', 'true'], { cwd: bare })
  let refused = 0
  const expected = `Basic ${Buffer.from('me:s3cr3t/@').toString('base64')}`
  server = createServer((request, response) => {
    if (request.headers.authorization !== expected) {
      refused += 1
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
      return
    }
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const cgi = spawn('git', ['http-backend'], {
      env: {
        ...world.env,
        GIT_PROJECT_ROOT: join(world.dir, 'served'),
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: path,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: 'me',
      },
    })
    request.pipe(cgi.stdin)
    const out: Buffer[] = []
    cgi.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    cgi.on('close', () => {
      const all = Buffer.concat(out)
      const end = all.indexOf('\r\n\r\n')
      const headers = Object.fromEntries(
        all
          .toString('latin1', 0, end)
          .split('\r\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const),
      )
      response.writeHead(Number.parseInt(headers['Status'] ?? '200', 10), headers).end(all.subarray(end + 4))
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: `http://${host}/repo.git`, host, refused: () => refused }
}

function everyFile(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe("a session's own workspace", () => {
  it('is a worktree of the repository, which the user does not see change', async () => {
    agent({ files: { 'made.txt': 'x\n' } }, { sh: 'cat made.txt' })
    expect((await world.belay(['exec', 'make', '--session', 's', '--workspace', 'session'])).code).toBe(0)
    expect(world.has('made.txt')).toBe(false)
    expect(readFileSync(join(workspace('s'), 'made.txt'), 'utf8')).toBe('x\n')
    expect(gitIn(workspace('s'), 'branch', '--show-current')).toBe('belay/s/result')
    // It stays the session's without being asked for again.
    await world.belay(['exec', 'look', '--session', 's'])
    expect(world.requests().map((request) => request['workspace'])).toEqual([workspace('s'), workspace('s')])
    expect((await world.belay(['session', 'info', 's'])).stdout).toMatch(/^branch +belay\/s\/result$/m)
    const refused = await world.belay(['session', 'delete', 's'])
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('[work_unsaved]')])
    expect((await world.belay(['session', 'cleanup', '--older-than', '0s'])).stdout).toContain(
      'kept s: the workspace of session s holds changes',
    )
    expect((await world.belay(['session', 'delete', 's', '--force'])).code).toBe(0)
    expect(existsSync(workspace('s'))).toBe(false)
    expect(world.git('worktree', 'list').split('\n')).toHaveLength(1)
  })

  it('is not removed with commits that are on no branch', async () => {
    agent({})
    expect((await world.belay(['exec', 'x', '--session', 's', '--workspace', 'session'])).code).toBe(0)
    gitIn(workspace('s'), 'switch', '-q', '--detach')
    gitIn(workspace('s'), 'commit', '-q', '--allow-empty', '-m', 'on no branch')
    expect((await world.belay(['session', 'delete', 's'])).stderr).toContain('holds 1 commit that is nowhere else')
    world.git('branch', 'mine', gitIn(workspace('s'), 'rev-parse', 'HEAD'))
    expect((await world.belay(['session', 'delete', 's'])).code).toBe(0)
  })

  it('is an empty folder outside of git', async () => {
    agent({ files: { 'made.txt': 'x\n' } })
    const outside = join(world.dir, 'outside')
    world.files({ '../outside/belay.yaml': world.read('belay.yaml') })
    expect(
      (await world.belay(['exec', 'make', '--session', 's', '--workspace', 'session'], { cwd: outside })).code,
    ).toBe(0)
    expect(readdirSync(workspace('s'))).toEqual(['made.txt'])
    expect(readdirSync(outside)).toEqual(['belay.yaml'])
  })
})

describe('--repo', () => {
  it('makes a clone that is not removed with a stash, or a tag of its own', async () => {
    agent({})
    // A tag of the remote that is in none of its branches is not lost with the clone.
    const alone = { GIT_COMMITTER_DATE: '2020-01-01T00:00:00Z' }
    const old = execFileSync('git', ['commit-tree', '-m', 'released', 'HEAD^{tree}'], {
      cwd: world.repo,
      env: { ...world.env, ...alone },
      encoding: 'utf8',
    })
    world.git('tag', 'released', old.trim())
    expect((await world.belay(['exec', 'x', '--session', 's', '--repo', `file://${world.repo}`])).code).toBe(0)
    const at = workspace('s')
    expect(gitIn(at, 'tag')).toBe('released')
    writeFileSync(join(at, 'README.md'), 'begun\n')
    gitIn(at, 'stash')
    expect((await world.belay(['session', 'delete', 's'])).stderr).toContain('holds stashed changes')
    gitIn(at, 'stash', 'drop', '-q')
    gitIn(at, 'switch', '-q', '--detach')
    gitIn(at, 'commit', '-q', '--allow-empty', '-m', 'tagged')
    gitIn(at, 'tag', 'mine')
    gitIn(at, 'switch', '-q', '-')
    expect((await world.belay(['session', 'delete', 's'])).stderr).toContain('holds 1 commit that is nowhere else')
    gitIn(at, 'tag', '-d', 'mine')
    expect((await world.belay(['session', 'delete', 's'])).code).toBe(0)
    expect(existsSync(at)).toBe(false)
  })

  it('clones with a password that is then nowhere on disk, nor shown to the agent', async () => {
    const { url, host, refused } = await serve()
    agent({ sh: 'env > env.txt; git remote -v > remote.txt' })
    writeFileSync(join(world.dir, 'user', '.gitconfig'), '[credential]\n\thelper = store\n')
    const address = `http://me:${encodeURIComponent('s3cr3t/@')}@${host}/repo.git`
    const { code, stderr } = await world.belay(['exec', 'x', '--session', 's', '--repo', address])
    expect([code, stderr.includes('s3cr3t')]).toEqual([0, false])
    expect(refused()).toBeGreaterThan(0)
    expect(readFileSync(join(workspace('s'), 'remote.txt'), 'utf8')).toContain(`${url} (fetch)`)
    for (const file of everyFile(world.dir))
      expect([file, readFileSync(file).includes('s3cr3t')]).toEqual([file, false])
    expect(
      (await world.json<{ session: { repository: object } }>(['session', 'info', 's'])).session.repository,
    ).toMatchObject({ url, branch: 'main' })
    const wrong = await world.belay(['exec', 'x', '--session', 't', '--repo', `http://me:n0t-it@${host}/repo.git`])
    expect([wrong.code, wrong.stderr, wrong.stderr.includes('n0t-it')]).toEqual([
      2,
      expect.stringContaining('[clone_failed]'),
      false,
    ])
    expect((await world.belay(['session', 'info', 't'])).stderr).toContain('[session_unknown]')
    expect(existsSync(workspace('t'))).toBe(false)
  })

  it('killed in the middle leaves nothing that is taken for a clone, and nothing at all after the next', async () => {
    agent({ lines: [{ type: 'message', text: 'here' }] })
    const hanging = createServer()
    server = hanging
    let ended: unknown
    const asked = new Promise<void>((resolve) => {
      hanging.once('request', (request) => {
        ended = once(request.socket, 'close') // never answered
        resolve()
      })
    })
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/x.git`
    const child = world.start(['exec', 'x', '--session', 's', '--repo', url])
    const gone = collect(child)
    await asked
    child.kill('SIGKILL')
    await gone
    const folder = join(world.home, 'workspaces', 'session', 's')
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^main~/)])
    const nowhere = await world.belay(['exec', 'x', '--session', 's', '--repo', join(world.dir, 'nowhere')])
    expect(nowhere.stderr).toContain('[clone_failed]')
    expect(existsSync(folder)).toBe(false)
    await ended // the git of the one that was killed waits no more
    expect(await world.belay(['exec', 'x', '--session', 's', '--repo', world.repo])).toMatchObject({ stdout: 'here\n' })
    expect(readdirSync(folder)).toEqual(['main'])
  })

  it('takes a path from the folder that it is given in, also one with a colon', async () => {
    agent({ sh: 'touch worked' })
    for (const [session, name] of [
      ['s', '../repo.git'],
      ['t', 'a:b.git'],
    ] as const) {
      const cwd = join(world.repo, 'sub')
      mkdirSync(cwd, { recursive: true })
      world.git('clone', '-q', '--bare', world.repo, join(cwd, name))
      const { code, stderr } = await world.belay(['exec', 'x', '--session', session, '--repo', name], { cwd })
      expect([code, stderr]).toEqual([0, expect.any(String)])
      expect(gitIn(workspace(session), 'remote', 'get-url', 'origin')).toBe(join(cwd, name))
    }
  })

  it('of another repository than the session has is refused, and nothing is done', async () => {
    agent({ sh: 'touch worked' })
    const other = join(world.dir, 'other.git')
    world.git('clone', '-q', '--bare', world.repo, other)
    const own = ['exec', 'x', '--session', 's', '--repo']
    expect((await world.belay([...own, world.repo])).code).toBe(0)
    expect((await world.belay([...own, world.repo])).code).toBe(0)
    const refused = await world.belay([...own, other])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('[workspace_taken]')
    expect(world.requests()).toHaveLength(2)
  })

  it('--branch, --ref, --depth and --submodules say what is cloned', async () => {
    agent({})
    world.files({ a: '1' }).commit('second')
    const second = world.git('rev-parse', 'HEAD')
    world.files({ a: '2' }).commit('third')
    world.git('branch', 'other', 'HEAD~1')
    world.git('tag', 'v1', 'HEAD~2')
    const sub = join(world.dir, 'sub')
    execFileSync('git', ['init', '-q', '-b', 'main', sub])
    gitIn(sub, 'commit', '-q', '--allow-empty', '-m', 'in it')
    writeFileSync(join(sub, 'inside.txt'), 'x')
    gitIn(sub, 'add', '-A')
    gitIn(sub, 'commit', '-q', '-m', 'file')
    world.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', sub, 'sub')
    world.commit('with a submodule')
    const url = `file://${world.repo}`
    const clone = async (session: string, ...flags: readonly string[]): Promise<string> => {
      const result = await world.belay(['exec', 'x', '--session', session, '--repo', url, ...flags])
      expect([flags, result.code, result.stderr]).toEqual([flags, 0, expect.anything()])
      return workspace(session)
    }
    expect(gitIn(await clone('branch', '--branch', 'other'), 'branch', '--show-current')).toBe('other')
    expect(gitIn(await clone('tag', '--ref', 'v1'), 'log', '-1', '--format=%s')).toBe('first')
    expect(gitIn(await clone('commit', '--ref', second, '--depth', '1'), 'rev-parse', 'HEAD')).toBe(second)
    expect(gitIn(await clone('depth', '--depth', '2'), 'rev-list', '--count', 'HEAD')).toBe('2')
    expect(existsSync(join(await clone('without'), 'sub', 'inside.txt'))).toBe(false)
    world.env['GIT_CONFIG_GLOBAL'] = join(world.dir, 'gitconfig')
    writeFileSync(world.env['GIT_CONFIG_GLOBAL'], '[protocol "file"]\n\tallow = always\n')
    expect(existsSync(join(await clone('with', '--submodules'), 'sub', 'inside.txt'))).toBe(true)
  })

  it.each(['-u/tmp', 'ext::sh -c id', 'http://u:secretword@[bad', 'ftp://x/y', ''])(
    'refuses the address %j',
    async (url) => {
      const { code, stderr } = await world.belay(['exec', 'x', `--repo=${url}`])
      expect([code, stderr.includes('secretword')]).toEqual([2, false])
      expect(stderr).toContain('[repository_url]')
      expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
    },
  )

  it.each([
    ['--branch', '--upload-pack=x'],
    ['--branch', 'a..b'],
    ['--ref', '-x'],
    ['--ref', 'HEAD^{/first}'],
    ['--ref', ':/first'],
    ['--ref', ''],
  ])('refuses %s %j, before anything is made', async (flag, name) => {
    agent({})
    const words = ['exec', 'x', '--session', 's', '--repo', `file://${world.repo}`, `${flag}=${name}`]
    const { code, stderr } = await world.belay(words)
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('that is not the name of a branch, tag or commit [usage]'),
    ])
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })

  it("what an agent writes into its clone's configuration does not run when Belay commits", async () => {
    const evil = join(world.dir, 'evil')
    agent({
      files: { '.gitattributes': '* filter=x\n', 'a.txt': 'a\n' },
      sh: `git config filter.x.clean 'touch ${evil}; cat'; git config core.fsmonitor 'touch ${evil}'`,
    })
    const { code } = await world.belay([
      'exec',
      'x',
      '--session',
      's',
      '--repo',
      `file://${world.repo}`,
      '--collaboration',
      'sequential',
    ])
    expect([code, existsSync(evil)]).toEqual([0, false])
    expect(gitIn(workspace('s'), 'log', '-1', '--format=%s')).toBe('x')
    expect(existsSync(evil)).toBe(false)
  })
})

describe('collaboration', () => {
  it('sequential: each turn is committed on one branch and told to the next agent', async () => {
    agent({ files: { 'a.txt': 'a\n' }, lines: [{ type: 'message', text: 'wrote a' }] }, { files: { 'b.txt': 'b\n' } })
    const flags = ['--session', 's', '--collaboration', 'sequential']
    expect((await world.belay(['exec', 'make a', ...flags])).code).toBe(0)
    expect((await world.belay(['exec', 'make b', '--session', 's'])).code).toBe(0)
    expect(gitIn(workspace('s'), 'log', '--format=%s').split('\n')).toEqual(['make b', 'make a', 'first'])
    expect(world.git('log', '--format=%s').split('\n')).toEqual(['first'])
    const prompt = String(world.requests()[1]?.['prompt'])
    expect(prompt).toMatch(
      /## Step 1: command, done\nAsked:\n```\nmake a\n```\nAnswered:\n```\nwrote a\n```\nFiles changed: a\.txt\nCommits: [0-9a-f]{40}\n/,
    )
    const { entries } = await world.json<{ entries: Record<string, unknown>[] }>(['session', 'show', 's'])
    expect(entries.at(-1)).toMatchObject({ files: ['b.txt'], commits: [expect.stringMatching(/^[0-9a-f]{40}$/)] })
    // Nothing is lost with the session: the branch is the user's.
    expect((await world.belay(['session', 'delete', 's'])).code).toBe(0)
    expect(world.git('log', '--format=%s', 'belay/s/result')).toContain('make b')
  })

  it('parallel: parts work side by side on branches of their own, are merged, and conflicts are reported', async () => {
    agent({ sh: 'f=$(basename "$PWD"); echo "$f" > "$f.txt"; test "$f" = a || echo "$f" > README.md' })
    const part = (name: string): Promise<{ code: number | null; stderr: string }> =>
      world.belay(['exec', `do ${name}`, '--session', 's', '--collaboration', 'parallel', '--part', name])
    const ended = await Promise.all([part('a'), part('b'), part('c')])
    expect(ended.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0])
    expect(existsSync(join(workspace('s', 'parts/a'), 'b.txt'))).toBe(false)
    expect((await world.belay(['session', 'list'])).stdout).toMatch(/^s\.a +ready/m)
    const merged = await world.belay(['session', 'merge', 's', '--json'])
    expect(merged.code).toBe(3)
    const report = JSON.parse(merged.stdout) as { merged: { part: string }[]; conflicts: object[] }
    expect(report.merged.map(({ part: name }) => name)).toContain('a')
    expect(report.merged).toHaveLength(2)
    expect(report.conflicts).toEqual([
      {
        part: expect.stringMatching(/^[bc]$/),
        branch: expect.stringMatching(/^belay\/s\/[bc]$/),
        files: ['README.md'],
      },
    ])
    expect(gitIn(workspace('s'), 'status', '--porcelain')).toBe('')
    expect(existsSync(join(workspace('s'), 'a.txt'))).toBe(true)
    const again = await world.belay(['session', 'merge', 's'])
    expect([again.code, again.stdout]).toEqual([
      3,
      expect.stringMatching(/^conflict in [bc] \(branch belay\/s\/[bc]\): "README.md"\n$/),
    ])
    // An agent resolves it in the whole; then it counts as merged.
    agent({
      sh: 'git merge -q -X ours -m merged belay/s/b belay/s/c || git merge -q -X ours -m merged belay/s/b && git merge -q -X ours -m merged belay/s/c',
    })
    expect((await world.belay(['exec', 'merge them', '--session', 's', '--agent', 'command'])).code).toBe(0)
    expect((await world.belay(['session', 'merge', 's'])).code).toBe(0)
    expect((await world.belay(['session', 'delete', 's'])).stderr).toContain('[session_has_parts]')
    for (const id of ['s.a', 's.b', 's.c', 's']) expect((await world.belay(['session', 'delete', id])).code).toBe(0)
    expect(world.git('worktree', 'list').split('\n')).toHaveLength(1)
  })

  it('nothing is merged over changes in the whole that are not committed', async () => {
    agent({ files: { 'a.txt': 'a\n' } })
    const part = ['--session', 's', '--collaboration', 'parallel', '--part', 'a']
    expect((await world.belay(['exec', 'do a', ...part])).code).toBe(0)
    writeFileSync(join(workspace('s'), 'README.md'), 'unfinished\n')
    const { code, stderr } = await world.belay(['session', 'merge', 's'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('[workspace_dirty]')])
    expect(readFileSync(join(workspace('s'), 'README.md'), 'utf8')).toBe('unfinished\n')
    expect(existsSync(join(workspace('s'), 'a.txt'))).toBe(false)
    gitIn(workspace('s'), 'checkout', '-q', 'README.md')
    expect((await world.belay(['session', 'merge', 's'])).code).toBe(0)
    expect(readFileSync(join(workspace('s'), 'a.txt'), 'utf8')).toBe('a\n')
  })

  it('what is nowhere else is not deleted unasked: commits of a clone or a part, files outside of git', async () => {
    agent({ sh: 'git commit -q --allow-empty -m mine' }, { files: { 'a.txt': 'a\n' } }, { files: { 'x.txt': 'x\n' } })
    const gone = async (id: string, what: string): Promise<void> => {
      for (const words of [
        ['session', 'delete', id],
        ['session', 'cleanup', '--older-than', '0s'],
      ]) {
        const { stdout, stderr } = await world.belay(words)
        expect(stdout + stderr).toContain(`the workspace of session ${id} holds ${what}`)
      }
      expect((await world.belay(['session', 'info', id])).code).toBe(0)
    }
    expect((await world.belay(['exec', 'x', '--session', 'clone', '--repo', `file://${world.repo}`])).code).toBe(0)
    await gone('clone', '1 commit that is nowhere else')
    expect((await world.belay(['session', 'delete', 'clone', '--force'])).code).toBe(0)
    const part = ['--session', 's', '--collaboration', 'parallel', '--part', 'a']
    expect((await world.belay(['exec', 'do a', ...part])).code).toBe(0)
    await gone('s.a', 'commits that are not merged')
    expect((await world.belay(['session', 'merge', 's'])).code).toBe(0)
    expect((await world.belay(['session', 'delete', 's.a'])).code).toBe(0)
    const cwd = join(world.dir, 'outside')
    world.files({ '../outside/belay.yaml': world.read('belay.yaml') })
    expect((await world.belay(['exec', 'x', '--session', 'own', '--workspace', 'session'], { cwd })).code).toBe(0)
    await gone('own', 'files')
    expect(existsSync(join(workspace('own'), 'x.txt'))).toBe(true)
  })

  it('parallel needs a repository, and leaves nothing behind without one', async () => {
    agent({})
    world.files({ '../outside/belay.yaml': world.read('belay.yaml') })
    const flags = ['--session', 's', '--collaboration', 'parallel', '--part', 'p']
    const { code, stderr } = await world.belay(['exec', 'x', ...flags], { cwd: join(world.dir, 'outside') })
    expect([code, stderr]).toEqual([2, expect.stringContaining('parallel parts need a repository [no_repository]')])
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })

  it('a part that somebody works in is left out of a merge', async () => {
    agent({ files: { 'x.txt': 'x\n' }, lines: [{ type: 'message', text: 'at work' }], hang: true })
    const child = world.start(['exec', 'x', '--session', 's', '--collaboration', 'parallel', '--part', 'p', '--json'])
    const ended = collect(child)
    await said(child, 'at work')
    const { code, stdout } = await world.belay(['session', 'merge', 's'])
    expect([code, stdout]).toEqual([3, `left out p: process ${child.pid} works in it\n`])
    child.kill('SIGKILL')
    await ended
    expect((await world.belay(['session', 'merge', 's'])).stdout).toBe(
      'left out p: it has changes that are not committed\n',
    )
  })

  it.each([
    [['--collaboration', 'sequential'], '--collaboration needs a session'],
    [['--session', 's', '--collaboration', 'parallel'], 'needs the name of the part'],
    [['--session', 's', '--part', 'x'], '--part is for parallel work'],
    [['--session', 's', '--collaboration', 'parallel', '--part', '../x'], 'a part cannot be called'],
    [['--workspace', 'here', '--repo', 'x'], 'does not go with --repo'],
    [['--branch', 'x'], 'say what of a repository is cloned'],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await world.belay(['exec', 'x', ...flags])
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })
})
