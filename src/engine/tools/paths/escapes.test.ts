import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, makeBench, type Bench } from '../testing/context.ts'
import { readTool as read } from '../read.ts'
import { writeTool as write } from '../write.ts'
import { HOLDING, type Holding } from './folder.ts'
import { openToRead, openToWrite } from './open.ts'
import { pathOf, rulesOf } from './rules.ts'

const SECRET = 'what is outside'
let bench: Bench
let out: string
let workspace: string
beforeEach(() => {
  bench = makeBench('escapes')
  workspace = bench.workspace
  out = join(bench.outside, 'file.txt')
  writeFileSync(out, SECRET)
  mkdirSync(join(workspace, 'sub'))
  writeFileSync(join(workspace, 'sub/in.txt'), 'inside')
})
afterEach(() => bench.remove())

/** Ways to name `outside/file.txt` (or to get there), each by a mechanism of its own; `make` sets it up. */
const ESCAPES: readonly { readonly how: string; readonly path: () => string; readonly make?: () => void }[] = [
  { how: 'absolute', path: () => out },
  { how: 'traversal', path: () => '../outside/file.txt' },
  { how: 'hidden traversal', path: () => 'sub/../../outside/file.txt' },
  { how: 'traversal from the root', path: () => `/..${out}` },
  { how: 'traversal after the absolute workspace', path: () => `${workspace}/../outside/file.txt` },
  {
    how: 'a sibling that begins with the name of the workspace',
    path: () => `${workspace}-2/file.txt`,
    make: () => sibling(),
  },
  { how: 'doubled slashes', path: () => `//${out.slice(1)}` },
  { how: 'dots and slashes', path: () => './/sub/.././../outside//./file.txt' },
  { how: 'a link to the file', path: () => 'link', make: () => symlinkSync(out, join(workspace, 'link')) },
  {
    how: 'a relative link',
    path: () => 'sub/link',
    make: () => symlinkSync('../../outside/file.txt', join(workspace, 'sub/link')),
  },
  {
    how: 'a link to its folder',
    path: () => 'dir/file.txt',
    make: () => symlinkSync(bench.outside, join(workspace, 'dir')),
  },
  {
    how: 'a link to the parent',
    path: () => 'up/outside/file.txt',
    make: () => symlinkSync('..', join(workspace, 'up')),
  },
  { how: 'a link to the root', path: () => `root${out}`, make: () => symlinkSync('/', join(workspace, 'root')) },
  {
    how: 'a chain of links',
    path: () => 'a',
    make() {
      symlinkSync('b', join(workspace, 'a'))
      symlinkSync('sub/c', join(workspace, 'b'))
      symlinkSync(out, join(workspace, 'sub/c'))
    },
  },
  {
    how: 'a link through an inner folder that is a link',
    path: () => 'inner/deep',
    make() {
      symlinkSync('sub', join(workspace, 'inner'))
      symlinkSync('../../outside/file.txt', join(workspace, 'sub/deep'))
    },
  },
  {
    how: 'a link through /proc/self/root',
    path: () => 'proc',
    make: () => symlinkSync(`/proc/self/root${out}`, join(workspace, 'proc')),
  },
  { how: '/proc/self/root itself', path: () => `/proc/self/root${out}` },
  { how: '/proc/self/cwd', path: () => `/proc/self/cwd/${relative(process.cwd(), out)}` },
  {
    how: 'an outer link that leads out',
    path: () => join(bench.root, 'alias/file.txt'),
    make: () => symlinkSync('outside', join(bench.root, 'alias')),
  },
  {
    how: 'a link to nothing yet',
    path: () => 'dangling',
    make: () => symlinkSync(join(bench.outside, 'new.txt'), join(workspace, 'dangling')),
  },
  {
    how: 'below a link to nothing yet',
    path: () => 'gone/new.txt',
    make: () => symlinkSync(join(bench.outside, 'new'), join(workspace, 'gone')),
  },
  { how: 'home', path: () => '~/file.txt' },
  { how: 'the root', path: () => '/' },
  { how: 'the parent', path: () => '..' },
  { how: 'nothing', path: () => '\0' },
  { how: 'a name with a NUL', path: () => 'sub/in.txt\0/../../outside/file.txt' },
  { how: 'links in a circle', path: () => 'circle', make: () => symlinkSync('circle', join(workspace, 'circle')) },
]

function sibling(): void {
  mkdirSync(`${workspace}-2`)
  writeFileSync(`${workspace}-2/file.txt`, SECRET)
}

describe('path validation table: what leads out of the workspace is refused', () => {
  it.each(ESCAPES)('$how', async ({ path, make }) => {
    make?.()
    const got = await call(read, { file_path: path() }, bench.context)
    expect(got.isError).toBe(true)
    expect(got.text).not.toContain(SECRET)
    expect((await call(write, { file_path: path(), content: 'overwritten' }, bench.context)).isError).toBe(true)
    expect(readFileSync(out, 'utf8')).toBe(SECRET)
    expect(existsSync(join(bench.outside, 'new.txt'))).toBe(false)
    expect(existsSync(join(bench.outside, 'new'))).toBe(false)
  })

  it.each([HOLDING, 'compare'] as const)('also when nothing but opening looks (%s)', (holding) => {
    const rules = rulesOf(bench.context)
    for (const { path, make } of ESCAPES) {
      make?.()
      expect(() => openToRead(pathOf(path(), bench.context), rules, holding)).toThrow()
      expect(() => openToWrite(pathOf(path(), bench.context), rules, true, holding)).toThrow()
    }
    expect(readFileSync(out, 'utf8')).toBe(SECRET)
    expect(existsSync(join(bench.outside, 'new'))).toBe(false)
  })

  it.each([
    ['relative', 'sub/in.txt'],
    ['with dots inside', 'sub/../sub/./in.txt'],
    ['through a link that stays inside', 'alias/in.txt'],
    ['absolute inside', ''],
  ])('%s is allowed', async (_, path) => {
    symlinkSync('sub', join(workspace, 'alias'))
    const got = await call(read, { file_path: path || join(workspace, 'sub/in.txt') }, bench.context)
    expect(got).toMatchObject({ isError: false, text: '     1\tinside' })
  })

  it.each([
    '/etc/passwd',
    '/etc/ssh/sshd_config',
    '/root/x',
    '/var/log/syslog',
    '/boot/x',
    '/proc/self/environ',
    '/sys/power/state',
    '/dev/null',
  ])('sensitive directories: %s', async (path) => {
    for (const tool of [read, write]) {
      const result = await call(tool, { file_path: path, ...(tool === write ? { content: 'x' } : {}) }, bench.context)
      expect(result).toMatchObject({
        isError: true,
        text: expect.stringContaining('outside of the workspace') as string,
      })
    }
  })

  it('the workspace may itself be named by a link', async () => {
    symlinkSync('workspace', join(bench.root, 'named'))
    const context = bench.with({ workspace: join(bench.root, 'named') })
    expect((await call(read, { file_path: 'sub/in.txt' }, context)).isError).toBe(false)
    expect((await call(read, { file_path: '../outside/file.txt' }, context)).isError).toBe(true)
  })
})

describe.each([HOLDING, 'compare'] as const)('a swap between the look and the opening (%s)', (holding: Holding) => {
  /** Runs `body` while a thread keeps swapping a folder for a link that leads out of the workspace, and back. */
  async function whileSwapping(body: () => void): Promise<void> {
    const stop = new Int32Array(new SharedArrayBuffer(8))
    const worker = new Worker(
      `const { workerData: { dir, side, link, stop } } = require('node:worker_threads')
       const { renameSync } = require('node:fs')
       Atomics.store(stop, 1, 1); Atomics.notify(stop, 1)
       while (Atomics.load(stop, 0) === 0) {
         renameSync(dir, side); renameSync(link, dir); renameSync(dir, link); renameSync(side, dir)
       }`,
      {
        eval: true,
        workerData: { dir: join(workspace, 'sub'), side: join(workspace, 'side'), link: join(workspace, 'bad'), stop },
      },
    )
    await Atomics.waitAsync(stop, 1, 0).value
    try {
      body()
    } finally {
      Atomics.store(stop, 0, 1)
      await new Promise((ended) => worker.once('exit', ended))
    }
  }

  // Opening the folder refuses a link as its last name, but follows links before that.
  it.each(['', 'deep'])('never reads nor writes what the link leads to (%j below it)', async (below) => {
    for (const [folder, text] of [
      [bench.outside, SECRET],
      [join(workspace, 'sub'), 'what is inside'],
    ] as const) {
      mkdirSync(join(folder, below), { recursive: true })
      writeFileSync(join(folder, below, 'in.txt'), text)
    }
    symlinkSync(bench.outside, join(workspace, 'bad'))
    const rules = rulesOf(bench.context)
    const named = join(workspace, 'sub', below, 'in.txt')
    const seen = { inside: 0, refused: 0 }
    await whileSwapping(() => {
      // Runs for a while, and until both outcomes were seen, so that the race really took place.
      const until = performance.now() + 1500
      const late = performance.now() + 120_000
      const isRace = (): boolean => seen.inside > 0 && seen.refused > 0
      while (performance.now() < until || (!isRace() && performance.now() < late)) {
        try {
          const { fd } = openToRead(named, rules, holding)
          const text = readFileSync(fd, 'utf8')
          closeSync(fd)
          if (text === SECRET) throw new Error('read what is outside')
          seen.inside += 1
        } catch (error) {
          if ((error as Error).message === 'read what is outside') throw error
          seen.refused += 1
        }
        try {
          const spot = openToWrite(join(workspace, 'sub', below, 'other.txt'), rules, false, holding)
          if (holding === 'proc') writeFileSync(spot.folder.at('other.txt'), 'x')
          spot.folder.close()
        } catch {
          seen.refused += 1
        }
      }
    })
    expect(seen.inside).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(0)
    expect(existsSync(join(bench.outside, below, 'other.txt'))).toBe(false)
  })
})

describe('what a folder held open does', () => {
  it('stays the folder that was judged, wherever its name leads later', () => {
    const spot = openToWrite(join(workspace, 'sub/new.txt'), rulesOf(bench.context), true)
    renameSync(join(workspace, 'sub'), join(workspace, 'moved'))
    symlinkSync(bench.outside, join(workspace, 'sub'))
    writeFileSync(spot.folder.at('new.txt'), 'x')
    spot.folder.close()
    expect(existsSync(join(bench.outside, 'new.txt'))).toBe(false)
    expect(readFileSync(join(workspace, 'moved/new.txt'), 'utf8')).toBe('x')
  })

  it('a second name (hard link) of an outside file is replaced, not written through', async () => {
    linkSync(out, join(workspace, 'hard.txt'))
    expect((await call(write, { file_path: 'hard.txt', content: 'mine' }, bench.context)).isError).toBe(false)
    expect(readFileSync(out, 'utf8')).toBe(SECRET)
  })
})

afterAll(() => bench.remove())
