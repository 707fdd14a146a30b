import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { editTool as edit } from './edit.ts'
import { readTool as read } from './read.ts'
import { sweepWriting } from './index.ts'
import { call, makeBench } from './testing/context.ts'
import { writeTool as write } from './write.ts'

const bench = makeBench('files')
const { context, workspace } = bench
afterAll(() => bench.remove())

function put(name: string, content: string | Buffer, mode = 0o644): string {
  const path = join(workspace, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

const held = (name: string): string => readFileSync(join(workspace, name), 'utf8')
const modeOf = (name: string): number => statSync(join(workspace, name)).mode & 0o777

describe('read', () => {
  it('numbers lines and reads a range', async () => {
    put('three.txt', 'one\ntwo\nthree\n')
    expect((await call(read, { file_path: 'three.txt' }, context)).text).toBe('     1\tone\n     2\ttwo\n     3\tthree')
    const part = await call(read, { file_path: join(workspace, 'three.txt'), offset: 2, limit: 1 }, context)
    expect(part.text).toBe('     2\ttwo\n[lines 2 to 2 of 3; go on with offset 3]')
    expect((await call(read, { file_path: 'three.txt', offset: 9 }, context)).text).toBe('[three.txt has only 3 lines]')
  })

  it('says that a file is empty', async () => {
    put('empty.txt', '')
    expect(await call(read, { file_path: 'empty.txt' }, context)).toMatchObject({
      text: '[empty.txt is empty]',
      isError: false,
    })
  })

  it('cuts long lines between characters', async () => {
    put('long.txt', `${'x'.repeat(1999)}😀tail\nnext`)
    const { text } = await call(read, { file_path: 'long.txt' }, context)
    expect(text).toBe(`     1\t${'x'.repeat(1999)}... [6 more characters]\n     2\tnext`)
  })

  it('stops at a total and says where to go on', async () => {
    put('wide.txt', `${'y'.repeat(1000)}\n`.repeat(100))
    const { text } = await call(read, { file_path: 'wide.txt' }, context)
    expect(text).toContain('[lines 1 to 59 of 100, cut for length; go on with offset 60]')
  })

  it('reads the middle and the end of a huge file without loading it', async () => {
    const path = put('huge.txt', 'first\n')
    execFileSync('sh', ['-c', `yes 0123456789012345678901234567890123456789 | head -c 419430400 >> '${path}'`])
    const before = process.memoryUsage().arrayBuffers
    const { text } = await call(read, { file_path: 'huge.txt', limit: 1 }, context)
    expect(text).toBe('     1\tfirst\n[lines 1 to 1 of a file of 419430406 bytes; go on with offset 2]')
    const late = await call(read, { file_path: 'huge.txt', offset: 9_000_000, limit: 1 }, context)
    expect(late.text).toContain('9000000\t0123456789')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20)
    truncateSync(path, 0)
  })

  it.each([
    ['image.png', Buffer.from('89504e470d0a1a0a', 'hex'), 'an image (PNG)'],
    ['photo.jpg', Buffer.from('ffd8ffe000', 'hex'), 'an image (JPEG)'],
    ['archive.zip', Buffer.from('504b0304', 'hex'), 'a ZIP archive'],
    ['program', Buffer.from('7f454c46', 'hex'), 'a program (ELF)'],
    ['data.bin', Buffer.from([1, 2, 0, 3]), 'binary'],
    ['wide.utf16', Buffer.from('fffe6100', 'hex'), 'UTF-16'],
  ])('names %s instead of showing it', async (name, bytes, kind) => {
    put(name, bytes)
    const result = await call(read, { file_path: name }, context)
    expect(result).toMatchObject({ isError: true })
    expect(result.text).toContain(`${name} is not text but ${kind}`)
  })

  it('does not wait at a pipe, and says what is no file', async () => {
    execFileSync('mkfifo', [join(workspace, 'pipe')])
    expect((await call(read, { file_path: 'pipe' }, context)).text).toContain('is a device, pipe or socket')
    expect((await call(read, { file_path: '.' }, context)).text).toContain('is a folder')
    expect((await call(read, { file_path: 'absent' }, context)).text).toContain('no such file')
    expect((await call(read, { file_path: 'three.txt/x' }, context)).text).toContain('not a folder')
  })

  it('shows text in any encoding without failing, and CR LF as lines', async () => {
    put('latin.txt', Buffer.from([0x63, 0x61, 0x66, 0xe9, 13, 10, 0x62]))
    expect((await call(read, { file_path: 'latin.txt' }, context)).text).toBe('     1\tcaf\uFFFD\n     2\tb')
  })

  it('reads skills and memory files beside the workspace, and kept outputs, but writes none', async () => {
    const skill = join(bench.outside, 'skill')
    mkdirSync(skill)
    writeFileSync(join(skill, 'SKILL.md'), 'how')
    const mine = bench.with({ readable: [skill] })
    expect((await call(read, { file_path: join(skill, 'SKILL.md') }, mine)).text).toBe('     1\thow')
    expect((await call(read, { file_path: join(skill, 'SKILL.md') }, context)).isError).toBe(true)
    expect((await call(write, { file_path: join(skill, 'SKILL.md'), content: 'x' }, mine)).isError).toBe(true)
    mkdirSync(join(context.store, 'outputs'), { recursive: true })
    writeFileSync(join(context.store, 'outputs', 'bash-1.txt'), 'whole')
    writeFileSync(join(context.store, 'tasks.json'), '{}')
    expect((await call(read, { file_path: join(context.store, 'outputs', 'bash-1.txt') }, context)).text).toContain(
      'whole',
    )
    expect((await call(read, { file_path: join(context.store, 'tasks.json') }, context)).isError).toBe(true)
  })

  it('follows the path mapping of the sandbox', async () => {
    put('mapped.txt', 'here')
    const inside = (path: string): string | null =>
      path.startsWith('/workspace') ? join(workspace, path.slice('/workspace'.length)) : null
    const mine = bench.with({ sandbox: { ...context.sandbox, toHost: inside } })
    expect((await call(read, { file_path: '/workspace/mapped.txt' }, mine)).text).toBe('     1\there')
    expect((await call(read, { file_path: '/workspace/../../outside' }, mine)).isError).toBe(true)
  })
})

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
    expect(held('new/deep/file.txt')).toBe('')
    expect(readdirSync(join(workspace, 'new/deep'))).toEqual(['file.txt'])
  })

  it('keeps the mode of what was there', async () => {
    put('run.sh', 'old', 0o755)
    await call(write, { file_path: 'run.sh', content: 'new' }, context)
    expect({ mode: modeOf('run.sh'), text: held('run.sh') }).toEqual({ mode: 0o755, text: 'new' })
  })

  it('writes through a link in the workspace, which stays a link', async () => {
    put('real.txt', 'old')
    symlinkSync('real.txt', join(workspace, 'alias.txt'))
    expect((await call(write, { file_path: 'alias.txt', content: 'new' }, context)).changed).toEqual(['real.txt'])
    expect(held('real.txt')).toBe('new')
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
    expect(held('kept.txt')).toBe('old')
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

describe('edit', () => {
  it('replaces once, and says where it was', async () => {
    put('e.txt', 'a\nb\nc\n', 0o755)
    expect(await call(edit, { file_path: 'e.txt', old_string: 'b', new_string: 'B\nB' }, context)).toEqual({
      text: 'replaced once in e.txt',
      isError: false,
      exitCode: null,
      changed: ['e.txt'],
      fullOutput: null,
    })
    expect({ text: held('e.txt'), mode: modeOf('e.txt') }).toEqual({ text: 'a\nB\nB\nc\n', mode: 0o755 })
  })

  it('has a clear error for everything that does not fit', async () => {
    put('twice.txt', 'x\nx\n  y\n')
    const say = async (input: object): Promise<string> => {
      const { text, isError } = await call(edit, { file_path: 'twice.txt', new_string: 'n', ...input }, context)
      expect(isError).toBe(true)
      return text
    }
    expect(await say({ old_string: 'x' })).toContain('there 2 times (lines 1, 2)')
    expect(await say({ old_string: 'z' })).toContain('not in the file')
    expect(await say({ old_string: 'n' })).toContain('are the same')
    expect(await say({ old_string: 'x\ny' })).toContain('white space is different')
    expect(await say({ old_string: '     1\tx' })).toContain('leave out the line numbers')
    expect(await say({ old_string: 'x', file_path: 'absent.txt' })).toContain('does not exist')
    expect(await say({ old_string: 'x', file_path: 'folder' })).toContain('is a folder')
    expect(held('twice.txt')).toBe('x\nx\n  y\n')
    expect(edit.input.safeParse({ file_path: 'x', old_string: '', new_string: '' }).success).toBe(false)
  })

  it('replaces all', async () => {
    put('all.txt', 'aXbXc')
    const { text } = await call(
      edit,
      { file_path: 'all.txt', old_string: 'X', new_string: 'XX', replace_all: true },
      context,
    )
    expect(text).toContain('2 times')
    expect(held('all.txt')).toBe('aXXbXXc')
  })

  it('keeps the line ends of the file', async () => {
    put('windows.txt', 'a\r\nb\r\nc\r\n')
    await call(edit, { file_path: 'windows.txt', old_string: 'a\nb', new_string: 'A\nB\nC' }, context)
    expect(held('windows.txt')).toBe('A\r\nB\r\nC\r\nc\r\n')
  })

  it('keeps bytes that are no UTF-8, and what stands at the beginning', async () => {
    put('bytes.txt', Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0xfe, 0x61, 0x00, 0xe9]))
    await call(edit, { file_path: 'bytes.txt', old_string: 'a', new_string: 'é' }, context)
    expect(readFileSync(join(workspace, 'bytes.txt'))).toEqual(
      Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0xfe, 0xc3, 0xa9, 0x00, 0xe9]),
    )
  })

  it('leaves other names of the same file as they are', async () => {
    put('one-name.txt', 'old')
    execFileSync('ln', [join(workspace, 'one-name.txt'), join(bench.outside, 'other-name.txt')])
    await call(edit, { file_path: 'one-name.txt', old_string: 'old', new_string: 'new' }, context)
    expect(readFileSync(join(bench.outside, 'other-name.txt'), 'utf8')).toBe('old')
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
      // Stopped wherever it is, until that is in the middle of a write.
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
