import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, makeBench, type Bench } from '../testing/context.ts'
import { loadTasks } from './list.ts'
import { taskTools } from './tools.ts'

let bench: Bench
beforeEach(() => {
  bench = makeBench('tasks')
})
afterEach(() => bench.remove())

async function use(name: string, input: object = {}): Promise<string> {
  const tool = taskTools().find((one) => one.name === name)
  if (!tool) throw new Error(name)
  const { text, isError } = await call(tool, input, bench.context)
  return isError ? `error: ${text}` : text
}

const store = (): string => bench.context.store

describe('task list', () => {
  it('task create, get, update, list', async () => {
    expect(await use('task_create', { subject: 'Write it', active_form: 'Writing it' })).toBe(
      'task 1 was added\n1 task: 0 completed, 0 in progress, 1 pending',
    )
    await use('task_create', { subject: 'Test it', description: 'with care', blocked_by: ['1'] })
    await use('task_update', { task_id: '1', status: 'in_progress' })
    expect(await use('task_list')).toBe(
      '[>] 1: Write it\n[ ] 2: Test it (waits for 1)\n2 tasks: 0 completed, 1 in progress, 1 pending',
    )
    expect(JSON.parse(await use('task_get', { task_id: '1' }))).toMatchObject({
      id: '1',
      subject: 'Write it',
      active_form: 'Writing it',
      status: 'in_progress',
      blocks: ['2'],
      blocked_by: [],
    })
    await use('task_update', { task_id: '1', status: 'completed', subject: 'Wrote it' })
    expect(await use('task_list')).toContain('[x] 1: Wrote it\n[ ] 2: Test it\n')
  })

  it('task persistence: the list survives a restart and lies outside of the workspace (task file)', async () => {
    await use('task_create', { subject: 'Keep me' })
    expect(await use('task_list')).toContain('Keep me')
    expect(loadTasks(store()).tasks).toHaveLength(1)
    expect(readdirSync(bench.workspace)).toEqual([])
    expect(statSync(join(store(), 'tasks.json')).mode & 0o777).toBe(0o600)
  })

  it('task summary of an empty list', async () => {
    expect(await use('task_list')).toBe('the task list is empty')
  })

  it('task dependencies must exist and make no circle', async () => {
    for (const subject of ['a', 'b', 'c']) await use('task_create', { subject })
    await use('task_update', { task_id: '2', add_blocked_by: ['1'] })
    await use('task_update', { task_id: '2', add_blocks: ['3'] })
    expect(loadTasks(store()).tasks.map(({ blocked_by }) => blocked_by)).toEqual([[], ['1'], ['2']])
    expect(await use('task_update', { task_id: '1', add_blocked_by: ['3'] })).toBe(
      'error: task 1 cannot wait for 3: that would be a circle (1 waits for 3 waits for 2 waits for 1)',
    )
    expect(await use('task_update', { task_id: '1', add_blocked_by: ['1'] })).toContain('circle')
    expect(await use('task_update', { task_id: '1', add_blocks: ['9'] })).toContain('error: there is no task 9')
    expect(await use('task_create', { subject: 'd', blocked_by: ['7'] })).toContain('error: there is no task 7')
    // No refused call has changed the list.
    expect(loadTasks(store()).tasks.map(({ blocked_by }) => blocked_by)).toEqual([[], ['1'], ['2']])
  })

  it('says when a task is begun that still waits', async () => {
    for (const subject of ['a', 'b']) await use('task_create', { subject })
    await use('task_update', { task_id: '2', add_blocked_by: ['1'] })
    expect(await use('task_update', { task_id: '2', status: 'in_progress' })).toContain('it still waits for 1')
  })

  it('deletes by status, frees what waited, and never uses an id twice', async () => {
    for (const subject of ['a', 'b']) await use('task_create', { subject })
    await use('task_update', { task_id: '2', add_blocked_by: ['1'] })
    expect(await use('task_update', { task_id: '1', status: 'deleted' })).toContain('task 1 was deleted\n1 task:')
    expect(loadTasks(store()).tasks).toMatchObject([{ id: '2', blocked_by: [] }])
    await use('task_update', { task_id: '2', status: 'deleted' })
    await use('task_create', { subject: 'c' })
    expect(loadTasks(store()).tasks[0]?.id).toBe('3')
  })

  it('refuses what it does not know', async () => {
    const update = taskTools().find(({ name }) => name === 'task_update')
    expect(update?.input.safeParse({ task_id: '1', status: 'done' }).success).toBe(false)
    expect(taskTools()[0]?.input.safeParse({ subject: '  ' }).success).toBe(false)
    expect(await use('task_get', { task_id: '1' })).toContain('the list is empty')
  })

  it('a damaged file is said, never replaced', async () => {
    writeFileSync(join(store(), 'tasks.json'), '{"version":1,')
    expect(await use('task_create', { subject: 'x' })).toContain('error: the task list of this session cannot be read')
    expect(readFileSync(join(store(), 'tasks.json'), 'utf8')).toBe('{"version":1,')
  })

  it('killed at any moment, the file holds a whole list', async () => {
    const source = new URL('list.ts', import.meta.url).href
    const script = `import { loadTasks, saveTasks } from ${JSON.stringify(source)}
      const store = ${JSON.stringify(store())}
      for (;;) { const list = loadTasks(store); list.next += 1; saveTasks(store, list); process.stdout.write('.') }`
    let reached = 0
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      for (let writes = 0; writes < 5 * (round + 1);)
        writes += ((await once(child.stdout, 'data')) as [Buffer])[0].length
      child.kill('SIGKILL')
      await once(child, 'exit')
      const { next } = loadTasks(store())
      expect(next).toBeGreaterThan(reached)
      reached = next
    }
  })
})
