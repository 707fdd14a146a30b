import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { editTool as edit } from './edit.ts'
import { readTool as read } from './read.ts'
import { writeTool as write } from './write.ts'
import { sweepWriting } from './index.ts'
import { call, makeBench } from './testing/context.ts'

const bench = makeBench('write')
const { context, put, workspace, contentOf, modeOf } = bench
afterAll(() => bench.remove())

describe('write', () => {
  it('makes files and the folders they are in, and replaces', async () => {
    expect(await call(write, { file_path: 'new/deep/file.txt', content: 'ä' }, context)).toEqual({
      text: 'made new/deep/file.txt (2 bytes)',
      isError: false,
      exitCode: null,
      changed: ['new/deep/file.txt'],
      fullOutput: null,
    })
    expect((await call(write, { file_path: 'new/deep/file.txt', content: '' }, context)).text).toMatch(/^replaced/)
    expect(contentOf('new/deep/file.txt')).toBe('')
    expect(readdirSync(join(workspace, 'new/deep'))).toEqual(['file.txt'])
  })

  it('keeps the mode of what was there', async () => {
    put('run.sh', 'old', 0o755)
    await call(write, { file_path: 'run.sh', content: 'new' }, context)
    expect({ mode: modeOf('run.sh'), text: contentOf('run.sh') }).toEqual({ mode: 0o755, text: 'new' })
  })

  it('writes through a link in the workspace, which stays a link', async () => {
    put('real.txt', 'old')
    symlinkSync('real.txt', join(workspace, 'alias.txt'))
    expect((await call(write, { file_path: 'alias.txt', content: 'new' }, context)).changed).toEqual(['real.txt'])
    expect(contentOf('real.txt')).toBe('new')
    expect(lstatSync(join(workspace, 'alias.txt')).isSymbolicLink()).toBe(true)
  })

  describe('secret-name table', () => {
    it.each([
      '.env',
      '.env.local',
      '.ENV.production',
      'prod.env',
      'server.key',
      'ca.pem',
      'site.crt',
      'store.p12',
      'app-secrets.yaml',
      'credentials.json',
      'passwords.txt',
      'api.token',
      'id_rsa',
      'id_ed25519',
      'id_ecdsa',
      '.netrc',
      '.npmrc',
      '.ssh/config',
    ])('%s is for its owner only, and asked for before it is read', async (name) => {
      await call(write, { file_path: `s/${name}`, content: 'x' }, context)
      expect(modeOf(`s/${name}`)).toBe(0o600)
      expect(await read.demand(read.input.parse({ file_path: `s/${name}` }), context)).toMatchObject({
        decision: 'ask',
      })
    })
    it.each([
      '.env.example',
      'password-reset.ts',
      'secrets.md',
      'tokenizer.py',
      'keyboard.js',
      'environment.ts',
      'a.tokens',
    ])('%s is a file as any other', async (name) => {
      await call(write, { file_path: `s/${name}`, content: 'x' }, context)
      expect(modeOf(`s/${name}`)).toBe(0o644)
      expect(await read.demand(read.input.parse({ file_path: `s/${name}` }), context)).toMatchObject({
        decision: 'allow',
      })
    })
    it('makes a secret file private that was not', async () => {
      put('s/.env.old', 'x', 0o644)
      await call(edit, { file_path: 's/.env.old', old_string: 'x', new_string: 'y' }, context)
      expect(modeOf('s/.env.old')).toBe(0o600)
    })
    it('does not read a secret through a link with another name', async () => {
      symlinkSync('.env', join(workspace, 's/notes.txt'))
      expect(await call(read, { file_path: 's/notes.txt' }, context)).toMatchObject({
        isError: true,
        text: /looks secret/,
      })
    })
  })

  it('dangerous write names are asked for', async () => {
    for (const name of [
      '.bashrc',
      '.bash_profile',
      '.profile',
      '.zshrc',
      'authorized_keys',
      '.gitconfig',
      'a/.envrc',
      'belay.yaml',
      'sub/Belay.YML',
      '.belay/agents/x.md',
    ]) {
      expect(await write.demand(write.input.parse({ file_path: name, content: '' }), context)).toMatchObject({
        decision: 'ask',
      })
    }
  })

  it('safe names are not', async () => {
    for (const name of ['config', 'src/config', 'bashrc.md', 'profile.ts', '.gitignore', '.github/workflows/ci.yml']) {
      expect(await write.demand(write.input.parse({ file_path: name, content: '' }), context)).toMatchObject({
        decision: 'allow',
      })
    }
  })

  it.each(['.git', '.git/config', '.git/hooks/pre-commit', 'sub/.git/HEAD', '.GIT/config', '.git/../.git/x'])(
    'never writes %s',
    async (name) => {
      const result = await call(write, { file_path: name, content: 'x' }, context)
      expect(result).toMatchObject({ isError: true })
      expect(existsSync(join(workspace, name))).toBe(false)
    },
  )

  it('writes nothing when the session is read-only', async () => {
    put('kept.txt', 'old')
    const mine = bench.with({}, { access: 'read-only' })
    expect((await call(write, { file_path: 'kept.txt', content: 'new' }, mine)).text).toContain('read-only')
    expect((await call(edit, { file_path: 'kept.txt', old_string: 'old', new_string: 'new' }, mine)).isError).toBe(true)
    expect(contentOf('kept.txt')).toBe('old')
    expect((await call(read, { file_path: 'kept.txt' }, mine)).isError).toBe(false)
  })

  it('with full access goes anywhere but where it is denied', async () => {
    const mine = bench.with({}, { access: 'full', denyRead: [join(bench.outside, 'denied')] })
    const path = join(bench.outside, 'file.txt')
    expect((await call(write, { file_path: path, content: 'x' }, mine)).changed).toEqual([path])
    expect((await call(read, { file_path: path }, mine)).text).toBe('     1\tx')
    mkdirSync(join(bench.outside, 'denied'))
    writeFileSync(join(bench.outside, 'denied/file'), 'no')
    expect((await call(read, { file_path: join(bench.outside, 'denied/file') }, mine)).isError).toBe(true)
    expect((await call(write, { file_path: join(bench.outside, 'denied/file'), content: '' }, mine)).isError).toBe(true)
  })

  it("with full access still leaves Belay's own record alone, but not the workspace in it", async () => {
    vi.stubEnv('BELAY_HOME', join(bench.root, 'state'))
    const inState = join(bench.root, 'state/workspaces/w')
    mkdirSync(inState, { recursive: true })
    const files = ['state/belay.db', 'state/workspaces/other.txt', 'state/workspaces/w/a.txt', 'plain.txt']
    for (const name of files) writeFileSync(join(bench.root, name), 'x')
    const seen = async (where: string): Promise<boolean[]> => {
      const full = bench.with({ workspace: where }, { access: 'full', workspace: where })
      const results = files.map((name) => call(read, { file_path: join(bench.root, name) }, full))
      return (await Promise.all(results)).map(({ isError }) => !isError)
    }
    expect(await seen(workspace)).toEqual([false, false, false, true])
    expect(await seen(inState)).toEqual([false, false, true, true])
    vi.unstubAllEnvs()
  })

  it('writes to further folders of the policy, but not to a git folder among them', async () => {
    const cache = join(bench.outside, 'cache')
    const bare = join(bench.outside, 'repo.git')
    for (const folder of [cache, join(bare, 'objects')]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(bare, 'HEAD'), 'ref: refs/heads/main\n')
    const mine = bench.with({}, { write: [cache, bare] })
    expect((await call(write, { file_path: join(cache, 'x'), content: 'x' }, mine)).isError).toBe(false)
    expect((await call(write, { file_path: join(bare, 'config'), content: 'x' }, mine)).isError).toBe(true)
  })

  it('says what is in the way', async () => {
    mkdirSync(join(workspace, 'folder'), { recursive: true })
    expect((await call(write, { file_path: 'folder', content: '' }, context)).text).toContain('is a folder')
    put('plain', '')
    expect((await call(write, { file_path: 'plain/below', content: '' }, context)).isError).toBe(true)
    expect((await call(write, { file_path: 'x'.repeat(300), content: '' }, context)).text).toContain('too long')
  })
})

describe('a write that is killed', () => {
  it('leaves the old or the new content whole, and what it left besides is removed by the next turn', async () => {
    const script = `import { writeTool } from ${JSON.stringify(new URL('write.ts', import.meta.url).href)}
      const context = ${JSON.stringify({ ...context, policy: null, signal: null })}
      for (let i = 0; ; i = 1 - i) {
        await writeTool.run({ file_path: 'killed.txt', content: 'ab'[i].repeat(30_000_000) }, context)
        process.stdout.write('.')
      }`
    const temporary = (): string[] => readdirSync(workspace).filter((name) => name.startsWith('.belay-'))
    put('killed.txt', 'c'.repeat(30_000_000))
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      // Stopped and continued until it is caught in the middle of a write.
      for (child.kill('SIGSTOP'); temporary().length === 0; child.kill('SIGSTOP')) {
        child.kill('SIGCONT')
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5))
      }
      child.kill('SIGKILL')
      await once(child, 'exit')
      const content = readFileSync(join(workspace, 'killed.txt'))
      expect(content.length).toBe(30_000_000)
      expect(content.equals(Buffer.alloc(content.length, content[0]))).toBe(true)
      sweepWriting(context.store)
      expect(temporary()).toEqual([])
      expect(readdirSync(join(context.store, 'writing'))).toEqual([])
    }
  })
})
