import { existsSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { finished } from './support/batch-world.ts'
import { world, start } from './support/batch-start.ts'

describe('belay batch', () => {
  it('makes one checked answer per file, also for files whose names objects have', async () => {
    start().files({ 'a.md': 'A\n', 'docs/b.md': 'B\n', '.dot': '', constructor: 'c', 'a b.txt': 'd', toString: 'e' })
    world.files({ ['__proto__']: 'f' }).batch()
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    const names = ['.dot', '__proto__', 'a b.txt', 'a.md', 'constructor', 'docs/b.md', 'toString']
    expect(Object.keys(world.results()).sort()).toEqual(names)
    expect(Object.entries(world.results())).toContainEqual(['__proto__', { summary: 'f' }])
    expect(world.asked().sort()).toEqual(names)
    expect(result.stdout).toContain('7 processed, 0 already done')
    expect(result.stdout).toContain(join(world.repo, 'results.json'))
  })

  it('asks with the whole content, in an empty folder, as the command protocol says', async () => {
    start().files({ 'a.md': 'the `content`\n```\nof it\n' }).batch({ prompt: 'Judge it well.' })
    expect((await world.run()).code).toBe(0)
    const [request] = world.requests()
    expect(request).toMatchObject({
      role: 'batch',
      task: { handle: 'a.md', title: 'a.md' },
      attempt: 1,
      output_schema: { type: 'object', required: ['summary'] },
    })
    expect(request?.['prompt']).toContain('Judge it well.')
    expect(request?.['prompt']).toContain('"a.md"\n````\nthe `content`\n```\nof it\n````')
    expect(request?.['workspace']).not.toContain(world.repo)
    expect(world.seen()).toEqual([])
    expect(existsSync(String(request?.['workspace']))).toBe(false)
  })

  it('does nothing twice, and again what was edited, added or taken out of the results', async () => {
    start().files({ 'a.md': 'A', 'b.md': 'B', 'c.md': 'C' }).batch()
    expect((await world.run()).code).toBe(0)
    world.files({ 'b.md': 'B2', 'd.md': 'D' })
    const { 'c.md': _, ...kept } = world.results()
    world.files({ 'results.json': JSON.stringify({ ...kept, 'theirs.md': 1 }) })
    const second = await world.run()
    expect(second.stdout).toContain('3 processed, 1 already done')
    expect(world.asked().slice(3).sort()).toEqual(['b.md', 'c.md', 'd.md'])
    expect(world.results()).toEqual({
      'a.md': { summary: 'A' },
      'b.md': { summary: 'B2' },
      'c.md': { summary: 'C' },
      'd.md': { summary: 'D' },
      'theirs.md': 1,
    })
    const third = await world.run()
    expect(third.code).toBe(0)
    expect(third.stdout).toContain('0 processed, 4 already done')
    rmSync(join(world.repo, 'results.json'))
    expect((await world.run()).stdout).toContain('4 processed, 0 already done')
    expect(world.asked()).toHaveLength(10)
  })

  it('keeps results that Belay did not make, and sees edits of their files from then on', async () => {
    start()
      .files({ 'a.md': 'A', 'b.md': 'B', 'results.json': '{"a.md": {"summary": "by hand"}, "b.md": {"other": 1}}' })
      .batch()
    const first = await world.run()
    expect(first.stderr).toContain('1 result in results.json that Belay did not make is kept')
    expect(world.results()).toEqual({ 'a.md': { summary: 'by hand' }, 'b.md': { summary: 'B' } })
    world.files({ 'a.md': 'A2' })
    expect((await world.run()).code).toBe(0)
    expect(world.results()['a.md']).toEqual({ summary: 'A2' })
  })

  it('says that results answer another prompt, and makes those again that do not fit a changed schema', async () => {
    start().files({ 'a.md': 'A' }).batch()
    await world.run()
    world.batch({ prompt: 'Something else.' })
    const other = await world.run()
    expect(other.stderr).toContain('prompt or schema have changed since 1 result')
    expect(world.asked()).toHaveLength(1)
    world.batch({ schema: { type: 'object', properties: { summary: { const: 'B' } } } }).files({ 'a.md': 'B' })
    expect((await world.run()).code).toBe(0)
    expect(world.results()).toEqual({ 'a.md': { summary: 'B' } })
  })

  it('succeeds without an agent when no file matches', async () => {
    start().batch({ glob: '*.nothing', command: ['/no/such/agent'] })
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr).toContain('no file matches "*.nothing"')
    expect(result.stdout).toContain('0 processed')
    const last = await world.json(['batch', '--config', 'batch.yaml'])
    expect(last).toMatchObject({ type: 'run.finished', status: 'done' })
  })

  it('checks formats, and refuses one that it does not know', async () => {
    const summary = (format: string): object => ({
      type: 'object',
      properties: { summary: { type: 'string', format } },
    })
    start({ 'a.md': [{ answer: { summary: 'soon' } }, { answer: { summary: '2026-02-28' } }] })
      .files({ 'a.md': 'A' })
      .batch({ schema: summary('date') })
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    expect(world.results()).toEqual({ 'a.md': { summary: '2026-02-28' } })
    expect(String(world.requests()[1]?.['prompt'])).toContain('/summary: must match format "date"')
    const refused = await world.batch({ schema: summary('week') }).run()
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('"format": "week" is not checked by Belay; remove it, or use one of date, time,')
  })

  it('refuses a missing agent before anything is stored or made', async () => {
    start()
      .files({ 'a.md': 'A' })
      .batch({ command: ['/no/such/agent'] })
    const result = await world.run()
    expect(result.code).toBe(2)
    expect(result.stderr).toContain('agent_missing')
    expect(world.has('results.json')).toBe(false)
    expect(await world.json(['status'])).toEqual({ run: null, tasks: [] })
  })

  it('blocks and names what it cannot send, and sends none of it', async () => {
    start()
      .files({ 'a.md': 'A', 'big.md': 'x'.repeat(2000), 'bin.dat': 'a\0b' })
      .batch({ max_file_size: 1000 })
    const result = await world.run()
    expect(result.code).toBe(3)
    expect(result.stdout).toContain('failed: big.md: it has 2000 bytes')
    expect(result.stdout).toContain('failed: bin.dat: it is binary')
    expect(world.asked()).toEqual(['a.md'])
    expect(Object.keys(world.results())).toEqual(['a.md'])
  })
})

describe('notify.command of a batch', () => {
  it('is told of files that are given up, and of the end, from the folder of the batch', async () => {
    start({ 'b.md': [{ exit: 1, answer: null }] })
      .files({ 'a.md': 'A', 'b.md': 'B', 'tell.sh': 'cat >> told' })
      .batch({ max_attempts: 1, exclude: ['batch.yaml', 'tell.sh', 'told'], notify: { command: 'sh ./tell.sh' } })
    const result = await world.run()
    expect(result.code, result.stderr).toBe(3)
    const told = (): Record<string, unknown>[] =>
      world
        .read('told')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(told()).toMatchObject([
      { event: 'task.blocked', status: 'blocked', task: { handle: 'b.md' } },
      { event: 'run.finished', status: 'blocked', task: null, repository: world.repo },
    ])
    world.turns({})
    expect((await world.run()).code).toBe(0)
    expect(told().slice(2)).toMatchObject([{ event: 'run.finished', status: 'done' }])
  })

  it('that fails is a remark', async () => {
    start()
      .files({ 'a.md': 'A' })
      .batch({ notify: { command: ['/nowhere/tell'] } })
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr).toContain('notify.command failed')
  })
})

describe('where it works', () => {
  it('works outside of a repository, with status, show, logs and events from any folder below', async () => {
    start()
    rmSync(join(world.repo, '.git'), { recursive: true })
    world.files({ 'a.md': 'A', 'sub/b.md': 'B' }).batch()
    expect((await world.run()).code).toBe(0)
    const at = { cwd: join(world.repo, 'sub') }
    expect((await world.belay(['status'], at)).stdout).toContain('2 of 2 files of batch.yaml done')
    expect((await world.belay(['show', 'sub/b.md'], at)).stdout).toContain('sub/b.md is done: its result is written')
    expect((await world.belay(['logs', 'sub/b.md'], at)).stdout).toContain('thinking of sub/b.md')
    expect((await world.belay(['events', '--task', 'a.md', '--type', 'task.done'], at)).stdout).toContain(
      'done: in results.json',
    )
    expect((await world.belay(['resume'], at)).stdout).toContain('Nothing to resume')
  })

  it('works in a repository without a commit, leaves out what git ignores and writes nothing into git', async () => {
    start().files({ 'a.md': 'A', 'x.log': 'X', '.gitignore': '*.log\nresults.json\n' }).batch({ exclude: '.gitignore' })
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr).toContain('files that git ignores are left out')
    expect(world.asked()).toEqual(['a.md'])
    expect(readdirSync(join(world.repo, '.git')).includes('worktrees')).toBe(false)
    expect(world.git('for-each-ref')).toBe('')
    expect((await world.belay(['show', 'a.md'])).code).toBe(0)
  })

  it('takes its folder from its file, wherever it is called from', async () => {
    start().files({ 'sub/a.md': 'A', 'outside.md': 'O' }).batch({ file: 'sub/my.yaml' })
    const result = await world.belay(['batch', '--config', 'sub/my.yaml'])
    expect(result.code, result.stderr).toBe(0)
    expect(world.asked()).toEqual(['a.md'])
    expect(JSON.parse(world.read('sub/results.json'))).toEqual({ 'a.md': { summary: 'A' } })
    expect((await world.belay(['batch', '--config', 'my.yaml'], { cwd: join(world.repo, 'sub') })).stdout).toContain(
      '1 already done',
    )
  })
})

describe('what it shows', () => {
  it('spends and writes nothing with --dry-run', async () => {
    start().files({ 'a.md': 'A', 'b.md': 'B' }).batch()
    const view = await world.json<{ files: unknown[]; first_prompt: string }>([
      'batch',
      '--config',
      'batch.yaml',
      '--dry-run',
    ])
    expect(view.files).toEqual([
      { path: 'a.md', done: false, why: 'new' },
      { path: 'b.md', done: false, why: 'new' },
    ])
    expect(view.first_prompt).toContain('"a.md"')
    expect(existsSync(world.home)).toBe(false)
    expect(world.has('results.json')).toBe(false)
    await world.run()
    world.files({ 'b.md': 'B2' })
    const text = (await world.belay(['batch', '--config', 'batch.yaml', '--dry-run'])).stdout
    expect(text).toContain('done   a.md')
    expect(text).toContain('to do  b.md (edited since its result)')
  })

  it('gives events as NDJSON, the last with what became of every file', async () => {
    start({ 'b.md': [{ answer: { summary: 2 } }] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch({ max_attempts: 1 })
    const result = await world.run('--json')
    const lines = result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({ type: 'run.started', data: { program: 'batch', progress: { total: 2 } } })
    expect(lines.at(-1)).toMatchObject({
      type: 'run.finished',
      status: 'blocked',
      data: {
        exit_code: 3,
        processed: ['a.md'],
        skipped: 0,
        failed: [{ path: 'b.md', code: 'invalid_answer' }],
        results: join(realpathSync(world.repo), 'results.json'),
        progress: { blocked: 1, completed: 1, suspended: 0, total: 2 },
      },
    })
    const seqs = lines.map((line) => Number(line['seq']))
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(new Set(seqs).size).toBe(seqs.length)
  })

  it('is a program like any other', async () => {
    start()
    const { stdout } = await world.belay(['program', 'show', 'batch'])
    for (const word of ['prepare', 'process', 'persist', 'stored -> [done]']) expect(stdout).toContain(word)
  })
})

describe('results that are not results', () => {
  it.each(['[]', '{"a.md": ', '"x"'])('are left as they are: %s', async (text) => {
    start().files({ 'a.md': 'A', 'results.json': text }).batch()
    const last = await world.json<{ error: { code: string } }>(['batch', '--config', 'batch.yaml'])
    expect(last.error.code).toBe('results_invalid')
    expect(world.read('results.json')).toBe(text)
    expect(world.asked()).toEqual([])
  })
})

describe('a file that leaves the batch', () => {
  it('is no failure of an unfinished run', async () => {
    start({ '*': [{ usage: { input_tokens: 6, output_tokens: 0, cost_usd: null } }] })
      .files({ 'a.md': 'A', 'b.md': 'B', 'c.md': 'C' })
      .batch({ budget: { tokens: 10 } })
    expect((await world.run()).code).toBe(5)
    world.batch().files({ 'b.md': null, 'd.md': 'D' })
    const last = finished(await world.run('--json'))
    expect(last).toMatchObject({ status: 'done', processed: ['c.md', 'd.md'], skipped: 1, failed: [] })
    expect(Object.keys(world.results())).toEqual(['a.md', 'c.md', 'd.md'])
  })
})
