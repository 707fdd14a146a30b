import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { BelayError } from '../../core/errors.ts'
import { loadConfig } from '../../config/index.ts'
import { envWith, folder, project, put, removeProjects } from '../../setup/testing/project.ts'
import type { Io } from '../io.ts'
import { testIo } from '../testing/io.ts'
import { initCommand } from './init.ts'

removeProjects()

interface Ran {
  readonly out: string[]
  readonly notes: string[]
  readonly error: BelayError | null
}

interface Situation {
  readonly cwd: string
  readonly env?: Record<string, string>
  /** Lines typed in a terminal; absent: there is no terminal. */
  readonly typed?: readonly string[]
}

async function init(
  { cwd, env = envWith('npm', 'claude', 'codex'), typed }: Situation,
  ...args: string[]
): Promise<Ran> {
  const stdin = new PassThrough()
  stdin.end((typed ?? []).map((line) => `${line}\n`).join(''))
  const io = testIo({ env, cwd, stdin, interactive: typed !== undefined })
  const { printed: out, notes } = io
  try {
    await initCommand(io).exitOverride().parseAsync(args, { from: 'user' })
    return { out, notes, error: null }
  } catch (error) {
    if (!(error instanceof BelayError)) throw error
    return { out, notes, error }
  }
}

const NODE = {
  '.gitignore': 'node_modules/\n',
  'package.json': JSON.stringify({ scripts: { test: 'node --test', lint: 'eslint .' } }),
}

function written(root: string): string {
  return readFileSync(join(root, 'belay.yaml'), 'utf8')
}

describe('belay init without a terminal', () => {
  it('writes what it finds at the root, from a subdirectory too, and leaves nothing else behind', async () => {
    const root = project({ ...NODE, 'src/deep/x.js': '' })
    const { out, notes, error } = await init({ cwd: join(root, 'src/deep') })
    expect(error).toBeNull()
    expect(out).toEqual([`wrote ${join(root, 'belay.yaml')}`])
    expect(notes.join('\n')).toContain('checks: npm test, npm run lint')
    expect(readdirSync(root).sort()).toEqual(['.git', '.gitignore', 'belay.yaml', 'package.json', 'src'])
    expect(statSync(join(root, 'belay.yaml')).mode & 0o777).toBe(0o644)
    const { config } = await loadConfig({ root, env: envWith() })
    expect(config.verify.gates.map((gate) => gate.run)).toEqual(['npm test', 'npm run lint'])
  })

  it('says with --json what it found and wrote', async () => {
    const root = project(NODE)
    const { out, notes } = await init({ cwd: root, typed: ['n', 'n', 'n'] }, '--json')
    expect(notes).toEqual([])
    expect(out).toHaveLength(1)
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      path: join(root, 'belay.yaml'),
      replaced: false,
      languages: ['JavaScript'],
      managers: ['npm'],
      agents: ['claude', 'codex'],
      notes: [],
      config: { verify: { commands: ['npm test', 'npm run lint'] } },
    })
  })

  it('tells what somebody should mend', async () => {
    const root = project({ 'README.md': '' })
    const { notes } = await init({ cwd: root })
    expect(notes.join('\n')).toContain('none found; add some under verify.commands')
    const bare = project({ 'package.json': JSON.stringify({ scripts: { test: 'jest' }, dependencies: { jest: '1' } }) })
    expect((await init({ cwd: bare })).notes).toContain(
      'note: git does not ignore node_modules/: add it to .gitignore, or commit it',
    )
  })

  it('works before the first commit', async () => {
    const unborn = folder()
    put(unborn, {
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/config': '[core]\n\trepositoryformatversion = 0\n',
      ...NODE,
    })
    for (const name of ['objects', 'refs/heads']) mkdirSync(join(unborn, '.git', name), { recursive: true })
    expect((await init({ cwd: unborn })).out).toEqual([`wrote ${join(unborn, 'belay.yaml')}`])
  })
})

describe('belay init where something is in the way', () => {
  it('never overwrites without --force', async () => {
    const root = project({ ...NODE, 'belay.yaml': '# mine\n' })
    for (const args of [[], ['--yes'], ['--json']]) {
      const { error, out } = await init({ cwd: root }, ...args)
      expect(error?.shape()).toMatchObject({ code: 'file_exists', next: expect.stringContaining('--force') as string })
      expect(error?.exit).toBe(2)
      expect(out).toEqual([])
    }
    expect(written(root)).toBe('# mine\n')
    const { out } = await init({ cwd: root }, '--force', '--json')
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ replaced: true })
    expect(written(root)).toContain('npm test')
  })

  it.each(['belay.toml', 'belay.yml'])('does not add a second file to %s, not even with --force', async (name) => {
    const root = project({ ...NODE, [name]: '' })
    const { error } = await init({ cwd: root }, '--force')
    expect(error?.code).toBe('file_exists')
    expect(existsSync(join(root, 'belay.yaml'))).toBe(false)
  })

  it('refuses outside git', async () => {
    const { error } = await init({ cwd: folder() })
    expect(error?.shape()).toMatchObject({ code: 'no_repository', next: 'git init' })
  })
})

describe('belay init in a terminal', () => {
  it('asks for each check and each agent, and shows the file before it writes', async () => {
    const root = project(NODE)
    const typed = ['', 'no', 'make extra', '', 'codex', 'nobody', 'CLAUDE', 'y']
    const { out, notes, error } = await init({ cwd: root, typed })
    expect(error).toBeNull()
    expect(out).toHaveLength(1)
    expect(notes.join('\n')).toContain('Check every task with `npm test` (the test script of package.json)? [Y/n]')
    expect(notes.join('\n')).toContain(written(root))
    const { config } = await loadConfig({ root, env: envWith() })
    expect(config.verify.gates.map((gate) => gate.run)).toEqual(['npm test', 'make extra'])
    expect(config.workflow.roles).toMatchObject({
      implementer: { provider: 'codex' },
      reviewer: { provider: 'claude' },
    })
  })

  it('writes nothing when the answer is no, or when input ends', async () => {
    const root = project(NODE)
    const no = await init({ cwd: root, typed: ['', '', '', '', '', 'n'] })
    expect(no).toMatchObject({ out: [], error: null })
    expect(no.notes.at(-1)).toBe('nothing was written')
    const ended = await init({ cwd: root, typed: ['', ''] })
    expect(ended.error?.shape()).toMatchObject({ code: 'interrupted' })
    expect(ended.error?.exit).toBe(130)
    expect(existsSync(join(root, 'belay.yaml'))).toBe(false)
  })

  it('asks nothing with --yes', async () => {
    const root = project(NODE)
    const { notes, error } = await init({ cwd: root, typed: [] }, '--yes')
    expect(error).toBeNull()
    expect(notes.join('\n')).not.toContain('[Y/n]')
    expect(written(root)).toContain('provider: claude # found on PATH')
  })

  it('keeps a file that appears while it asks', async () => {
    const root = project(NODE)
    const typed = ['', '', '', '', '']
    const stdin = new PassThrough()
    stdin.write(typed.map((line) => `${line}\n`).join(''))
    const io = fakeIo(root, stdin, (line) => {
      if (line.startsWith('Write this')) {
        writeFileSync(join(root, 'belay.yaml'), '# theirs\n')
        stdin.end('y\n')
      }
    })
    await expect(initCommand(io).exitOverride().parseAsync([], { from: 'user' })).rejects.toMatchObject({
      code: 'file_exists',
    })
    expect(written(root)).toBe('# theirs\n')
    expect(readdirSync(root).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

function fakeIo(cwd: string, stdin: PassThrough, note: (line: string) => void): Io {
  const env = envWith('npm')
  return testIo({ env, cwd, stdin, interactive: true, stdoutIsTerminal: true, note })
}
