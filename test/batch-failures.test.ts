import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { collect, type Result } from './support/world.ts'
import { world, start } from './support/batch-start.ts'

describe('failures', () => {
  it('go back to the agent with the errors, then to the end of the queue with the present text, then block', async () => {
    const bad = { answer: { summary: 1 } }
    start({ 'a.md': [bad, bad, { ...bad, sh: 'echo edited > "$FILES/a.md"' }, {}], 'b.md': [bad] })
      .files({ 'a.md': 'A\n', 'b.md': 'B\n', 'c.md': 'C\n' })
      .batch({ max_attempts: 2 })
    const result = await world.run()
    expect(result.code).toBe(3)
    expect(world.asked()).toEqual([
      ...Array(3).fill('a.md'),
      ...Array(3).fill('b.md'),
      'c.md',
      'a.md',
      ...Array(3).fill('b.md'),
    ])
    const prompts = world.requests().map((request) => String(request['prompt']))
    expect(prompts[1]).toContain('/summary: must be string')
    expect(prompts[7]).toContain('edited\n')
    expect(prompts[7]).toContain('the answer does not fit the schema')
    expect(world.results()).toMatchObject({ 'a.md': { summary: 'edited' }, 'c.md': { summary: 'C' } })
    expect(result.stdout).toContain(
      'failed: b.md: the answer does not fit the schema: /summary: must be string (given up after 2 attempts)',
    )
    const status = await world.json<{ tasks: { handle: string; status: string; attempt: number }[] }>(['status'])
    expect(status.tasks.map(({ handle, status: is, attempt }) => [handle, is, attempt])).toEqual([
      ['a.md', 'done', 2],
      ['b.md', 'blocked', 2],
      ['c.md', 'done', 1],
    ])
  })

  it('are tried again by the next run, and by retry', async () => {
    start({ 'a.md': [{ exit: 1, answer: null }] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch({ max_attempts: 1 })
    expect((await world.run()).code).toBe(3)
    expect((await world.run()).code).toBe(3)
    expect(world.asked()).toEqual(['a.md', 'b.md', 'a.md'])
    world.turns({})
    expect((await world.belay(['retry', 'a.md', '--resume'])).code).toBe(0)
    expect(world.results()).toEqual({ 'a.md': { summary: 'A' }, 'b.md': { summary: 'B' } })
    expect((await world.belay(['retry', 'a.md'])).stderr).toContain('task_done')
  })

  it.skipIf(process.getuid?.() === 0)('try an unreadable file again', async () => {
    start({ 'b.md': [{ sh: 'chmod 644 "$FILES/a.md"' }] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch()
    chmodSync(join(world.repo, 'a.md'), 0)
    expect((await world.run()).code).toBe(0)
    expect(Object.keys(world.results())).toEqual(['a.md', 'b.md'])
  })

  it('try a file again that was not there, and block it when it does not come back', async () => {
    start({
      'a.md': [{ sh: 'rm "$FILES/b.md" "$FILES/d.md"' }],
      'c.md': [{ sh: 'printf back > "$FILES/b.md"' }],
    })
      .files({ 'a.md': 'A', 'b.md': 'B', 'c.md': 'C', 'd.md': 'D' })
      .batch()
    const result = await world.run()
    expect(result.code).toBe(3)
    expect(world.results()).toEqual({ 'a.md': { summary: 'A' }, 'b.md': { summary: 'back' }, 'c.md': { summary: 'C' } })
    expect(result.stdout).toContain('failed: d.md: the file is gone')
    expect((await world.run()).code).toBe(0)
  })

  it('stop trying an agent that is not logged in', async () => {
    start({ '*': [{ error: { code: 'auth', message: 'log in first' } }] })
      .files({ 'a.md': 'A', 'b.md': 'B', 'c.md': 'C' })
      .batch()
    const result = await world.run()
    expect(result.code).toBe(3)
    expect(world.asked()).toEqual(['a.md'])
    expect(result.stdout).toContain('failed: c.md: not tried: log in first')
  })

  it('wait for a quota without asking for other files meanwhile', async () => {
    const error = { code: 'quota', message: 'spent', retry_at: new Date(Date.now() + 3_600_000).toISOString() }
    start({ '*': [{ error }] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch()
    const result = await world.run('--no-wait')
    expect(result.code).toBe(5)
    expect(world.asked()).toEqual(['a.md'])
    expect(result.stdout).toContain('2 left')
  })

  it('forget a quota when the batch has another agent', async () => {
    const error = { code: 'quota', message: 'spent', retry_at: new Date(Date.now() + 3_600_000).toISOString() }
    start({ 'b.md': [{ error }, {}] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch()
    expect((await world.run('--no-wait')).code).toBe(5)
    world.batch({ env: { OTHER: 'account' } })
    expect((await world.run('--no-wait')).code).toBe(0)
    expect(world.asked()).toEqual(['a.md', 'b.md', 'b.md'])
  })

  it('wait until the named time and go on', async () => {
    start({
      'a.md': [
        { error: { code: 'rate_limit', message: 'slow', retry_at: new Date(Date.now() + 1500).toISOString() } },
        {},
      ],
    })
      .files({ 'a.md': 'A' })
      .batch({ max_attempts: 1 })
    expect((await world.run()).code).toBe(0)
    expect(world.asked()).toEqual(['a.md', 'a.md'])
  })
})

describe('limits', () => {
  it('suspend the run when the budget is used up, and go on when it is raised', async () => {
    const usage = { input_tokens: 40, output_tokens: 10, cost_usd: 0.5 }
    start({ '*': [{ usage }] })
      .files({ 'a.md': 'A', 'b.md': 'B', 'c.md': 'C' })
      .batch({ budget: { usd: 0.9 } })
    const first = await world.run()
    expect(first.code).toBe(5)
    expect(first.stdout).toContain('1 processed')
    expect((await world.run()).code).toBe(5)
    expect(world.asked()).toEqual(['a.md', 'b.md'])
    world.batch({ budget: { usd: 10 } })
    expect((await world.run()).code).toBe(0)
    expect(world.asked()).toEqual(['a.md', 'b.md', 'b.md', 'c.md'])
    const { run } = await world.json<{ run: { cost_usd: number } }>(['status'])
    expect(run.cost_usd).toBeCloseTo(2)
  })

  it('are raised by resume as well', async () => {
    const usage = { input_tokens: 40, output_tokens: 10, cost_usd: 0.5 }
    start({ '*': [{ usage }] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch({ budget: { usd: 0.4 } })
    expect((await world.run()).code).toBe(5)
    const resumed = await world.belay(['resume', '--budget-usd', '10'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(resumed.stdout).toContain('2 processed')
  })

  it('refuse a money limit that nobody can hold', async () => {
    start()
      .files({ 'a.md': 'A' })
      .batch({ provider: 'codex', command: ['/bin/true'], model: 'unheard-of', budget: { usd: 1 } })
    const result = await world.run()
    expect(result.code).toBe(2)
    expect(result.stderr).toContain('cost_unknown')
  })
})

describe('one at a time', () => {
  it('refuses a second one for the same results, and ends in order on Ctrl-C', async () => {
    start({ 'b.md': [{ hang: true }] })
      .files({ 'a.md': 'A', 'b.md': 'B', 'c.md': 'C' })
      .batch()
    world.batch({ file: 'other.yaml' })
    const child = world.start(['batch', '--config', 'batch.yaml'])
    const ended = collect(child)
    await world.until(() => world.asked().includes('b.md'))
    for (const config of ['batch.yaml', 'other.yaml']) {
      const second = await world.belay(['batch', '--config', config])
      expect(second.code).toBe(2)
      expect(second.stderr).toContain('held')
    }
    child.kill('SIGINT')
    const first: Result = await ended
    expect(first.code).toBe(130)
    expect(first.stdout).toContain('1 processed')
    world.turns({})
    expect((await world.belay(['resume'])).code).toBe(0)
    expect(world.asked()).toEqual(['a.md', 'b.md', 'b.md', 'c.md'])
  })

  it('ends what is cancelled while it runs, and goes on with the rest', async () => {
    start({ 'a.md': [{ hang: true }] })
      .files({ 'a.md': 'A', 'b.md': 'B' })
      .batch()
    const ended = collect(world.start(['batch', '--config', 'batch.yaml']))
    await world.until(() => world.asked().includes('a.md'))
    expect((await world.belay(['cancel', 'a.md'])).stdout).toContain('cancelled: a.md')
    const result = await ended
    expect(result.code).toBe(3)
    expect(world.results()).toEqual({ 'b.md': { summary: 'B' } })
    expect(result.stdout).toContain('failed: a.md: given up by its user')
  })
})
