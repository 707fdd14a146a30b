import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { call, makeBench, type Bench } from '../testing/context.ts'
import { rulesOf } from '../paths/rules.ts'
import { runGrep } from './grep-job.ts'
import type { Said } from './job.ts'
import { runSearch } from './run.ts'
import { searchTools } from './tools.ts'
import { walk } from './walk.ts'

let bench: Bench
beforeEach(() => {
  bench = makeBench('search')
})
afterEach(() => bench.remove())

let age = 0
/** Writes a file that is older than the one written before. */
function put(name: string, content: string | Buffer = ''): void {
  const path = join(bench.workspace, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  age += 1
  utimesSync(path, 2_000_000_000 - age, 2_000_000_000 - age)
}

async function use(name: 'glob' | 'grep', input: object, context = bench.context): Promise<string> {
  const tool = searchTools(20_000).find((one) => one.name === name)
  if (!tool) throw new Error(name)
  const { text, isError } = await call(tool, input, context)
  return isError ? `error: ${text}` : text
}

describe('glob', () => {
  beforeEach(() => {
    for (const name of ['src/a.ts', 'src/deep/er/b.ts', 'src/c.tsx', 'top.ts', '.hidden/d.ts', 'src/[x].ts']) put(name)
  })
  it.each([
    ['*.ts', ['src/a.ts', 'src/deep/er/b.ts', 'top.ts', '.hidden/d.ts', 'src/[x].ts']],
    ['src/*.ts', ['src/a.ts', 'src/[x].ts']],
    ['./src/*.ts', ['src/a.ts', 'src/[x].ts']],
    ['src/**', ['src/a.ts', 'src/deep/er/b.ts', 'src/c.tsx', 'src/[x].ts']],
    ['**/b.ts', ['src/deep/er/b.ts']],
    ['src/**/er/*.ts', ['src/deep/er/b.ts']],
    ['**/*.{ts,tsx}', ['src/a.ts', 'src/deep/er/b.ts', 'src/c.tsx', 'top.ts', '.hidden/d.ts', 'src/[x].ts']],
    ['src/{a,c}.*', ['src/a.ts', 'src/c.tsx']],
    ['?.ts', ['src/a.ts', 'src/deep/er/b.ts', '.hidden/d.ts']],
    ['[ab].ts', ['src/a.ts', 'src/deep/er/b.ts']],
    [String.raw`src/\[x\].ts`, ['src/[x].ts']],
  ])('%s', async (pattern, files) => {
    expect((await use('glob', { pattern })).split('\n')).toEqual(files)
  })

  it('looks in a folder, also by an absolute pattern', async () => {
    expect(await use('glob', { pattern: '*.ts', path: 'src/deep' })).toBe('er/b.ts')
    expect(await use('glob', { pattern: join(bench.workspace, 'src/*.tsx') })).toBe('src/c.tsx')
    expect(await use('glob', { pattern: '/etc/*' })).toContain('error:')
    expect(await use('glob', { pattern: '*', path: '/etc' })).toContain('outside of the workspace')
    expect(await use('glob', { pattern: '*.none' })).toBe('no file fits')
    expect(await use('glob', { pattern: '*', path: 'absent' })).toContain('error: no such file')
  })

  it('names at most 100, newest first, and says that it is truncated', async () => {
    for (let i = 0; i < 130; i++) put(`many/${String(i).padStart(3, '0')}.txt`)
    const lines = (await use('glob', { pattern: 'many/*' })).split('\n')
    expect(lines.slice(0, 2)).toEqual(['many/000.txt', 'many/001.txt'])
    expect(lines.slice(99)).toEqual(['many/099.txt', '[truncated: 30 more files fit]'])
  })

  it('leaves out .git, node_modules and what is ignored, unless asked', async () => {
    put('.gitignore', 'dist/\n*.log\n!keep.log\n')
    for (const name of ['dist/x.js', 'a.log', 'keep.log', 'node_modules/m/x.js', '.git/x.js']) put(name)
    expect((await use('glob', { pattern: '*.{js,log}' })).split('\n')).toEqual(['keep.log'])
    const all = await use('glob', { pattern: '*.{js,log}', ignored: true })
    expect(all.split('\n')).toEqual(['dist/x.js', 'a.log', 'keep.log', 'node_modules/m/x.js'])
    // Ignored files and folders can be searched by naming them.
    expect(await use('glob', { pattern: '*', path: 'dist' })).toBe('x.js')
    expect(await use('glob', { pattern: '*', path: 'node_modules/m' })).toBe('x.js')
  })

  it('does not follow links', async () => {
    writeFileSync(join(bench.outside, 'out.ts'), '')
    symlinkSync(bench.outside, join(bench.workspace, 'away'))
    symlinkSync('.', join(bench.workspace, 'self'))
    expect(await use('glob', { pattern: 'out.ts' })).toBe('no file fits')
    expect(await use('glob', { pattern: 'self/**' })).toBe('no file fits')
    expect(await use('glob', { pattern: '*', path: 'away' })).toContain('error:')
  })

  it("names nothing in Belay's state folder but what the agent may read there, whatever the access", async () => {
    const state = join(bench.root, 'state')
    const mine = join(state, 'tasks', 'mine')
    for (const folder of [mine, join(state, 'sessions')]) mkdirSync(folder, { recursive: true })
    for (const path of [join(state, 'sessions', 's.txt'), join(mine, 'm.txt'), join(bench.outside, 'o.txt')])
      writeFileSync(path, 'needle')
    vi.stubEnv('BELAY_HOME', state)
    try {
      const context = bench.with({ workspace: mine }, { access: 'full' })
      const all = { pattern: '*.txt', path: bench.root }
      expect(await use('glob', all, context)).toBe('outside/o.txt')
      expect(await use('glob', { pattern: '*.txt' }, context)).toBe('m.txt')
      const found = await use('grep', { pattern: 'needle', path: bench.root }, context)
      expect(found).toBe('outside/o.txt\n  1: needle')
      expect(await use('glob', { pattern: '*', path: state }, context)).toContain('not for agents')
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it('a pattern that takes forever does not hang anything', async () => {
    put(`${'a'.repeat(200)}.txt`)
    const tool = searchTools(300).find(({ name }) => name === 'glob')
    if (!tool) throw new Error('glob')
    const { text } = await call(tool, { pattern: `${'*a'.repeat(30)}b` }, bench.context)
    expect(text).toContain('takes too long')
  })
})

describe('ignored files', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'a b', 'x.log', 'éa', '.c', 'a{b}')
  const pattern = fc.oneof(
    fc.constantFrom('a', '/a', 'a/', '/a/', 'a/b', '*', '!a', '!*/', '*.log', '!x.log', '**/b', 'a/**', 'a/**/b', '#a'),
    fc.constantFrom(
      String.raw`\!a`,
      String.raw`\#a`,
      'a ',
      String.raw`a\ `,
      '[ab]',
      '[!a]',
      '[b-a]',
      '[!]b]',
      'a?',
      '{a,b}',
      'a{b}',
      '/*',
      '!/a',
      'b/*',
      '**',
      'a**',
      '',
    ),
  )
  const tree = fc.record({
    files: fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 3 }), {
      minLength: 3,
      maxLength: 10,
      selector: (p) => p[0],
    }),
    ignores: fc.array(
      fc.record({ at: fc.constantFrom('', 'a', 'b', 'a/b'), lines: fc.array(pattern, { maxLength: 4 }) }),
      { maxLength: 3 },
    ),
  })

  it('are those that git ignores', () => {
    fc.assert(
      fc.property(tree, ({ files, ignores }) => {
        rmSync(bench.workspace, { recursive: true })
        mkdirSync(bench.workspace)
        execFileSync('git', ['init', '-q'], { cwd: bench.workspace })
        for (const parts of files) tryPut(parts.join('/'), 'x')
        for (const { at, lines } of ignores) tryPut(join(at, '.gitignore'), lines.join('\n'))
        const listed = execFileSync('git', ['ls-files', '-o', '--exclude-standard', '-z'], {
          cwd: bench.workspace,
          encoding: 'utf8',
          env: {
            ...process.env,
            GIT_CONFIG_GLOBAL: '/dev/null',
            GIT_CONFIG_SYSTEM: '/dev/null',
            XDG_CONFIG_HOME: '/nowhere',
          },
        })
        const ours = walk(bench.workspace, rulesOf(bench.context), false, () => true, { until: Infinity, entries: 1e6 })
        expect(ours.files.map(({ path }) => path).sort()).toEqual(listed.split('\0').filter(Boolean).sort())
      }),
      { numRuns: 80 },
    )
  })

  function tryPut(path: string, content: string): void {
    try {
      put(path, content)
    } catch {
      // A file already stands where the path needs a folder.
    }
  }

  it('in a folder below, rules of those above count', async () => {
    put('.gitignore', '/sub/gone\nsub/deep/*.tmp\n')
    for (const file of ['sub/gone', 'sub/deep/x.tmp', 'sub/deep/x.txt']) put(file)
    expect(await use('glob', { pattern: '*', path: 'sub' })).toBe('deep/x.txt')
    expect(await use('glob', { pattern: '*', path: 'sub/deep' })).toBe('x.txt')
  })
})

describe('grep', () => {
  it('finds lines, newest file first', async () => {
    put('new.txt', 'one\ntwo needle\nthree')
    put('old.txt', 'needle\r\nnot\r\nneedle')
    expect(await use('grep', { pattern: 'needle$' })).toBe(
      'new.txt\n  2: two needle\n\nold.txt\n  1: needle\n  3: needle',
    )
    expect(await use('grep', { pattern: 'nothing' })).toBe('no line fits')
  })

  it('shows lines around, without repeating them', async () => {
    put('a.txt', ['1', '2', 'x', '4', '5', 'x', '7', '8', '9', '10', 'x'].join('\n'))
    expect(await use('grep', { pattern: 'x', context: 2 })).toBe(
      'a.txt\n  1- 1\n  2- 2\n  3: x\n  4- 4\n  5- 5\n  6: x\n  7- 7\n  8- 8\n  9- 9\n  10- 10\n  11: x',
    )
    expect(await use('grep', { pattern: '^(1|9)$', context: 1 })).toBe(
      'a.txt\n  1: 1\n  2- 2\n  --\n  8- 8\n  9: 9\n  10- 10',
    )
  })

  it('knows case, include, one file, unicode', async () => {
    put('a.ts', 'Needle ä')
    put('b.js', 'needle')
    put('sub/c.tsx', 'needle')
    expect(await use('grep', { pattern: 'NEEDLE', ignore_case: true, include: '*.{ts,tsx}' })).toBe(
      'a.ts\n  1: Needle ä\n\nsub/c.tsx\n  1: needle',
    )
    expect(await use('grep', { pattern: '(?i)NEEDLE', include: 'sub/**' })).toContain('sub/c.tsx')
    expect(await use('grep', { pattern: String.raw`^\p{Lu}\w+ \p{L}$` })).toBe('a.ts\n  1: Needle ä')
    expect(await use('grep', { pattern: 'needle', path: 'b.js' })).toBe('b.js\n  1: needle')
    expect(await use('grep', { pattern: '(' })).toContain('error: Invalid regular expression')
    expect(await use('grep', { pattern: '((((a{1,999}){1,999}){1,999}){1,999})', path: 'b.js' })).toMatch(
      /error|no line/,
    )
  })

  it('stops at its limits and says so', async () => {
    put('many.txt', 'x\n'.repeat(500))
    const hundred = await use('grep', { pattern: 'x' })
    expect(hundred).toContain('100: x\n[truncated: there may be more]')
    expect(hundred).not.toContain('101:')
    expect(await use('grep', { pattern: 'x', limit: 500 })).not.toContain('truncated')
    put('wide.txt', `${'y'.repeat(290)}\n`.repeat(500))
    const wide = await use('grep', { pattern: 'y', limit: 1000 })
    expect(wide.length).toBeLessThan(31_000)
    expect(wide).toContain('truncated')
  })

  it('cuts long lines around the match, between characters', async () => {
    put('min.js', `${'😀'.repeat(1000)}needle${'😀'.repeat(1000)}`)
    const text = await use('grep', { pattern: 'needle' })
    expect(text).toMatch(/^min\.js\n {2}1: \.\.\.(😀)+needle(😀)+\.\.\.$/u)
    expect(text.length).toBeLessThan(340)
  })

  it('leaves out binary files and secrets, but searches what is named and allowed', async () => {
    put('data.bin', Buffer.from('needle\0needle'))
    put('.env', 'needle=1')
    expect(await use('grep', { pattern: 'needle' })).toBe('no line fits\n[1 files that look secret were left out]')
    expect(await use('grep', { pattern: 'needle', path: 'data.bin' })).toBe(
      'no line fits\n[a binary file: not searched]',
    )
    const grep = searchTools(1000).find(({ name }) => name === 'grep')
    expect(await grep?.demand(grep.input.parse({ pattern: 'x', path: '.env' }), bench.context)).toMatchObject({
      decision: 'ask',
    })
    expect(await use('grep', { pattern: 'needle', path: '.env' })).toBe('.env\n  1: needle=1')
  })

  it('does not look outside: links, and files denied by the policy', async () => {
    writeFileSync(join(bench.outside, 'x.txt'), 'needle')
    symlinkSync(bench.outside, join(bench.workspace, 'away'))
    symlinkSync(join(bench.outside, 'x.txt'), join(bench.workspace, 'file'))
    put('denied/x.txt', 'needle')
    const context = bench.with({}, { denyRead: [join(bench.workspace, 'denied')] })
    expect(await use('grep', { pattern: 'needle' }, context)).toBe('no line fits')
    expect(await use('grep', { pattern: 'needle', path: 'away/x.txt' }, context)).toContain('error')
    expect(await use('grep', { pattern: 'needle', path: 'denied' }, context)).toContain('error')
  })

  it('an expression that takes forever is ended, with what was found before', async () => {
    put('first.txt', 'aaaa!')
    put('second.txt', `${'a'.repeat(40)}c`)
    const tool = searchTools(400).find(({ name }) => name === 'grep')
    if (!tool) throw new Error('grep')
    const started = performance.now()
    const { text, isError } = await call(tool, { pattern: '^(a+)+(b|!)$' }, bench.context)
    expect(performance.now() - started).toBeLessThan(60_000)
    expect(isError).toBe(false)
    expect(text).toContain('first.txt\n  1: aaaa!')
    expect(text).toContain('the pattern takes too long on some line')
  })

  it('stops by itself among many files, and does not blame the expression', async () => {
    for (let i = 0; i < 3000; i++) put(`many/${i}.txt`, `${'a'.repeat(17)}c`)
    const said: Said[] = []
    const limits = { named: bench.workspace, rules: rulesOf(bench.context), ignored: false, limit: 100, timeoutMs: 400 }
    const pattern = { kind: 'grep', pattern: '^(a+)+b$', ignoreCase: false, include: null, context: 0 } as const
    runGrep({ ...limits, ...pattern, maxText: 1000 }, (one) => said.push(one))
    const notes = said.flatMap((one) => (one.type === 'end' ? one.notes : []))
    expect(notes.join()).toContain('stopped at the time limit: look in a smaller folder')
  })

  it('ends when the call is aborted', async () => {
    put('a.txt', `${'a'.repeat(40)}c`)
    const abort = new AbortController()
    const running = use('grep', { pattern: '^(a+)+b$' }, bench.with({ signal: abort.signal }))
    abort.abort()
    expect(await running).toBe('error: the call was aborted')
  })

  it('searches a huge file and a huge line in bounded memory', async () => {
    const path = join(bench.workspace, 'huge.txt')
    execFileSync('sh', [
      '-c',
      `head -c 100000000 /dev/zero | tr '\\0' z > '${path}'; printf '\\nneedle\\n' >> '${path}'; yes line | head -c 100000000 >> '${path}'; echo last-needle >> '${path}'`,
    ])
    const text = await use('grep', { pattern: 'needle' })
    expect(text).toBe('huge.txt\n  2: needle\n  20000003: last-needle')
  })

  it('reads files of whole and broken pieces to their ends, and nothing of the one before', async () => {
    const piece = 256 << 10
    put('one-piece.txt', `${'x'.repeat(piece - 3)}end`)
    put('one-more.txt', `${'x'.repeat(piece)}end`)
    put('between.txt', `${'x'.repeat(piece - 1)}é\nend é`)
    put('short.txt', 'nothing')
    put('empty.txt')
    const found = await use('grep', { pattern: '(x|^)end( é)?$' })
    expect(found.match(/^\S+\.txt$|\d+: /gm)).toEqual([
      'one-piece.txt',
      '1: ',
      'one-more.txt',
      '1: ',
      'between.txt',
      '2: ',
    ])
    expect(found).toContain('2: end é')
    expect(await use('grep', { pattern: 'xé$' })).toContain('between.txt')
  })

  it('says what could not be read', async () => {
    put('closed/a.txt', 'needle')
    put('open.txt', 'needle')
    chmodSync(join(bench.workspace, 'closed'), 0)
    const text = await use('grep', { pattern: 'needle' })
    chmodSync(join(bench.workspace, 'closed'), 0o755)
    // Root can read everything.
    if (process.getuid?.() !== 0) expect(text).toContain('[1 folders could not be read]')
    else expect(text).toContain('closed/a.txt')
  })

  it('a thread that fails is an answer, not an end of Belay', async () => {
    const job = {
      kind: 'glob',
      named: bench.workspace,
      pattern: '*',
      ignored: false,
      limit: 1,
      timeoutMs: 1000,
    } as never
    expect((await runSearch(job, new AbortController().signal)).problem).toContain('the search failed')
  })
})
