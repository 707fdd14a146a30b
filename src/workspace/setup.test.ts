import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeRepo, tempFolder, type TestRepo } from '../git/testing/repo.ts'
import { cleanByproducts } from './clean.ts'
import { prepareWorkspace, setupProducts, type Prepared, type PrepareRequest, type RunSetup } from './setup.ts'
import { setupInputs } from './setup-key.ts'

let repo: TestRepo
let folder: string
let work: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
  work = join(folder, 'work')
  repo.commit({
    '.gitignore': 'node_modules/\n.env\nbuild/\n',
    'package-lock.json': '{"v":1}\n',
    'packages/a/yarn.lock': 'x',
    'src/a.ts': 'a\n',
  })
  repo.git('worktree', 'add', '-q', '--detach', work)
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

const run: RunSetup = (command, workspace) => {
  const argv = typeof command.run === 'string' ? ['/bin/sh', '-c', command.run] : command.run
  const [program = '', ...args] = argv
  const ended = spawnSync(program, args, { cwd: join(workspace, command.cwd ?? ''), encoding: 'utf8' })
  return Promise.resolve({
    name: command.name,
    argv,
    exitCode: ended.status,
    signal: ended.signal,
    timedOut: false,
    durationMs: 1,
    outputHead: ended.stdout,
    outputTail: ended.stderr,
  })
}

function prepare(commands: readonly string[], extra: Partial<PrepareRequest> = {}): Promise<Prepared> {
  const setup = commands.map((text) => ({ name: text.slice(0, 20), run: text, timeoutMs: 60_000, cwd: null }))
  return prepareWorkspace({
    path: work,
    setup,
    inputs: null,
    copy: [],
    userRoot: repo.root,
    lastKey: null,
    run,
    ...extra,
  })
}

function ok(prepared: Prepared): Prepared & { ok: true } {
  if (!prepared.ok) expect.fail(prepared.reason.message)
  return prepared
}

const INSTALL = 'mkdir -p node_modules/dep && echo x >>node_modules/dep/count'

function installs(): number {
  return readFileSync(join(work, 'node_modules/dep/count'), 'utf8').split('\n').length - 1
}

test('setup runs once, and again when a command or an input changes', async () => {
  const first = ok(await prepare([INSTALL]))
  expect(first).toMatchObject({ ran: true, products: ['node_modules/'], undone: [] })
  expect(first.evidence).toMatchObject([{ argv: ['/bin/sh', '-c', INSTALL], exitCode: 0 }])

  const again = ok(await prepare([INSTALL], { lastKey: first.key }))
  expect(again).toMatchObject({ ran: false, key: first.key, products: ['node_modules/'] })
  expect(installs()).toBe(1)

  writeFileSync(join(work, 'packages/a/yarn.lock'), 'changed by the task')
  const third = ok(await prepare([INSTALL], { lastKey: first.key }))
  expect(third.ran).toBe(true)
  expect(third.products).toEqual(['node_modules/'])
  expect(ok(await prepare([INSTALL, 'true'], { lastKey: third.key })).ran).toBe(true)
  writeFileSync(join(work, 'src/a.ts'), 'no input')
  const fourth = ok(await prepare([INSTALL], { lastKey: third.key }))
  expect(fourth.ran).toBe(false)
  expect(ok(await prepare([INSTALL], { lastKey: third.key, inputs: ['src/*.ts'] })).ran).toBe(true)
})

test('setup runs again when what it made was removed', async () => {
  const first = ok(await prepare([INSTALL]))
  rmSync(join(work, 'node_modules'), { recursive: true })
  expect(ok(await prepare([INSTALL], { lastKey: first.key })).ran).toBe(true)
  expect(installs()).toBe(1)
})

test('inputs are lockfiles anywhere, or what is named', async () => {
  expect(await setupInputs(work, null)).toEqual(['package-lock.json', 'packages/a/yarn.lock'])
  expect(await setupInputs(work, ['packages', '.env'])).toEqual(['.env', 'packages', 'packages/a/yarn.lock'])
  expect(await setupInputs(work, ['**/*.lock'])).toEqual(['packages/a/yarn.lock'])
})

test('changes of setup to tracked files and to the work of the task are put back, its new files are products', async () => {
  writeFileSync(join(work, 'src/a.ts'), 'work of the task\n')
  writeFileSync(join(work, 'src/new file.ts'), 'new in the task\n')
  const done = ok(
    await prepare([
      'echo rewritten >package-lock.json; echo formatted >src/a.ts; echo formatted >"src/new file.ts"; rm packages/a/yarn.lock; mkdir gen; echo x >gen/out',
    ]),
  )
  expect(done.undone).toEqual(['package-lock.json', 'packages/a/yarn.lock', 'src/a.ts', 'src/new file.ts'])
  expect(readFileSync(join(work, 'src/a.ts'), 'utf8')).toBe('work of the task\n')
  expect(readFileSync(join(work, 'src/new file.ts'), 'utf8')).toBe('new in the task\n')
  expect(done.products).toEqual(['gen/'])
  expect(repo.gitIn(work, ['status', '--porcelain'])).toBe('M src/a.ts\n?? gen/\n?? "src/new file.ts"')
  expect(await prepare([], { lastKey: done.key })).toMatchObject({ ok: true, products: ['gen/'] })
})

test('a setup that fails says how, with its output, and later commands do not run', async () => {
  const failed = await prepare([
    'echo to stdout; echo "no such package" >&2; mkdir node_modules; exit 3',
    'touch never',
  ])
  expect(failed).toMatchObject({ ok: false, reason: { code: 'setup_failed' } })
  expect(failed.ok ? '' : failed.reason.message).toMatch(/ended with 3\nno such package$/)
  expect(existsSync(join(work, 'never'))).toBe(false)
  expect(await setupProducts(work)).toEqual(['node_modules/'])
})

test('what a killed setup left is a product of the next one', async () => {
  await expect(
    prepare([INSTALL], {
      run: async (command, path) => {
        await run(command, path)
        throw new Error('killed')
      },
    }),
  ).rejects.toThrow('killed')
  expect(ok(await prepare([INSTALL]))).toMatchObject({ ran: true, products: ['node_modules/'] })
})

test('copied files are there before setup runs, and are kept', async () => {
  repo.write('.env', 'SECRET=1\n')
  const done = ok(await prepare(['cp .env build.env'], { copy: ['.env'] }))
  expect(done.copy.copied).toEqual(['.env'])
  expect(done.products).toEqual(['.env', 'build.env'])
})

test('by-products go, products and tracked files stay', async () => {
  repo.write('.env', 'SECRET=1\n')
  ok(await prepare([INSTALL], { copy: ['.env'] }))
  const nested = join(work, 'build/nested')
  mkdirSync(nested, { recursive: true })
  repo.gitIn(nested, ['init', '-q'])
  writeFileSync(join(nested, 'file'), 'x')
  mkdirSync(join(work, 'empty/deep'), { recursive: true })
  mkdirSync(join(work, 'cache'))
  writeFileSync(join(work, 'cache/ro'), 'x')
  spawnSync('chmod', ['-R', 'a-w', join(work, 'cache')])
  writeFileSync(join(work, 'src/odd\nname ü*'), 'x')
  spawnSync('ln', ['-s', repo.root, join(work, 'link')])
  writeFileSync(join(work, 'src/a.ts'), 'changed\n')
  const removed = await cleanByproducts(work, await setupProducts(work))
  expect(removed.sort()).toEqual(['build', 'cache', 'empty', 'link', 'src/odd\nname ü*'])
  expect(repo.gitIn(work, ['status', '--porcelain', '--ignored'])).toBe('M src/a.ts\n!! .env\n!! node_modules/')
  expect(existsSync(join(repo.root, 'README.md'))).toBe(true)
})

test('a path to keep deep inside is kept, and what is beside it goes', async () => {
  mkdirSync(join(work, 'build/a/b'), { recursive: true })
  for (const file of ['build/x', 'build/a/y', 'build/a/b/z', 'build/a/bb']) writeFileSync(join(work, file), 'x')
  expect((await cleanByproducts(work, ['build/a/b/'])).sort()).toEqual(['build/a/bb', 'build/a/y', 'build/x'])
  expect(existsSync(join(work, 'build/a/b/z'))).toBe(true)
})
