import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { WorkflowWorld, agent, finished } from './support/workflow-world.ts'
import { collect } from './support/world.ts'

const GUIDE = fileURLToPath(new URL('../docs/workflows.md', import.meta.url))

let world: WorkflowWorld
afterEach(() => world.dispose())

function start(turns: ConstructorParameters<typeof WorkflowWorld>[0] = {}): WorkflowWorld {
  world = new WorkflowWorld(turns)
  return world
}

type Step = Parameters<WorkflowWorld['flow']>[0][number]

/** Ended, or ended and not yet asked for how. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .startsWith('Z')
  } catch {
    return true
  }
}

describe('the example of the guide', () => {
  const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(GUIDE, 'utf8')) ?? []

  function example(turns: ConstructorParameters<typeof WorkflowWorld>[0]): void {
    start(turns).flow([])
    const { command } = (parse(world.flowText()) as { agent: { command: string[] } }).agent
    // As written, but for who the agents are.
    const own = text.replaceAll('provider: claude', `command: ${JSON.stringify(command)}`)
    world.files({ '.belay/workflows/triage.yaml': own }).commit('workflow')
  }

  it('is valid, without a warning', async () => {
    start().files({ '.belay/workflows/triage.yaml': text })
    expect(await world.json(['workflow', 'validate', 'triage'])).toMatchObject({
      valid: true,
      errors: [],
      warnings: [],
    })
  })

  it('mends what is small', async () => {
    example({ judge: [{ answer: { size: 'small', why: 'a typo' } }], mend: [{ files: { 'date.txt': 'March\n' } }] })
    const result = await world.belay(['workflow', 'run', 'triage', '--set', 'report=The date is wrong', '--json'])
    expect(result.code, result.stderr).toBe(0)
    expect(finished(result).output).toEqual({ size: 'small' })
    expect(world.asked().sort()).toEqual(['judge', 'look.0.read', 'look.1.read', 'mend'])
    expect(world.prompt('look.1.read')).toContain(
      'Find what in the tests has to do with this report: The date is wrong',
    )
    const { run } = await world.json<{ run: { finish_command: string } }>(['status'])
    world.git(...run.finish_command.split(' ').slice(1))
    expect(world.read('date.txt')).toBe('March\n')
  })

  it('asks a person about the rest', async () => {
    example({ judge: [{ answer: { size: 'large', why: 'all of it' } }] })
    expect((await world.belay(['workflow', 'run', 'triage', '--set', 'report=x'])).code).toBe(4)
    const shown = await world.belay(['checkpoints'])
    expect(shown.stdout).toContain('Mend it? all of it')
    const id = /^(cp-\w+)/m.exec(shown.stdout)?.[1] ?? ''
    expect((await world.belay(['answer', id, 'reject', '--resume'])).code).toBe(0)
    expect(world.asked()).not.toContain('mend')
  })
})

describe('a run of a workflow', () => {
  it('is shown by status, show, events, logs and diff like any other', async () => {
    start({ one: [{ files: { 'a.txt': 'a\n' }, text: 'wrote a file' }] }).flow([agent('one', { title: 'The first' })])
    expect((await world.run()).code).toBe(0)
    const status = await world.belay(['status'])
    expect(status.stdout).toContain('1 of 1 steps of flow done')
    expect(status.stdout).toContain('The first')
    expect(status.stdout).toContain('finish with: git merge belay/')
    expect((await world.belay(['show', 'one'])).stdout).toContain('one is done: it has its output; commit')
    expect((await world.belay(['logs', 'one', '--role', 'step'])).stdout).toContain('wrote a file')
    expect((await world.belay(['diff', 'one'])).stdout).toContain('+a')
    const { stdout } = await world.belay(['events', '--task', 'one', '--json'])
    const types = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type)
    expect(types).toEqual(
      expect.arrayContaining([
        'task.started',
        'attempt.started',
        'session.started',
        'item.message',
        'session.ended',
        'task.done',
      ]),
    )
    expect((await world.belay(['program', 'show', 'workflow'])).stdout).toContain('program workflow, begins at enter')
  })

  it('has steps so deep inside of others that their names are longer than a file name can be', async () => {
    const nest = (depth: number, inner: Step[]): Step[] =>
      depth === 0 ? inner : [{ id: `in${depth}_`.padEnd(60, 'x'), type: 'try', states: nest(depth - 1, inner) }]
    const one = { files: { 'README.md': '1\n' }, text: 'wrote a file' }
    start({ one: [one], two: [{ files: { 'README.md': '2\n' } }] })
    const branches = { a: { states: [agent('one')] }, b: { states: [agent('two')] } }
    world.flow(nest(5, [{ id: 'both', type: 'parallel', branches }, agent('last')]))
    const { reason } = finished(await world.run('--json'))
    expect(reason?.code).toBe('merge_conflict')
    const deep = world.asked().find((handle) => handle.endsWith('.both.a.one')) ?? ''
    expect(deep.length).toBeGreaterThan(300)
    expect((await world.belay(['logs', deep, '--role', 'step'])).stdout).toContain('wrote a file')
    expect((await world.belay(['diff', deep])).stdout).toContain('+1')
    const [begin = '', merge = '', back = '', on = ''] =
      /to resolve them: (.*)$/.exec(reason?.message ?? '')?.[1]?.split('; ') ?? []
    world.git(...begin.split(' ').slice(1))
    expect(() => world.git(...merge.split(' ').slice(1))).toThrow('git merge')
    world.files({ 'README.md': '1 and 2\n' }).commit('both of them')
    world.git(...back.split(' ').slice(1))
    const resolved = await world.belay(on.split(' ').slice(1))
    expect(resolved.code, resolved.stderr).toBe(0)
    expect(world.asked().map((handle) => handle.split('.').at(-1))).toEqual(
      expect.arrayContaining(['one', 'two', 'last']),
    )
    const { run } = await world.json<{ run: { result_branch: string } }>(['status'])
    expect(world.git('show', `${run.result_branch}:README.md`)).toBe('1 and 2')
    world.git('merge', '-q', run.result_branch)
    expect((await world.belay(['clean'])).code).toBe(0)
    expect(world.git('for-each-ref', '--format=%(refname)', 'refs/heads/belay', 'refs/belay')).toBe('')
  })

  it('is shown with what came of each step, and where the work is', async () => {
    start({
      one: [{ files: { 'a.txt': 'a\n' }, answer: { n: 1 } }],
      bad: [{ error: { code: 'failed', message: 'no' } }],
    })
    const schema = { type: 'object', properties: { n: { type: 'integer' } } }
    world.flow(
      [
        agent('one', { output_schema: schema }),
        {
          id: 'safe',
          type: 'try',
          states: [agent('bad')],
          catch: [{ states: [{ id: 'told', type: 'inject', value: 1 }] }],
        },
      ],
      { output: '${steps.one.output.n}' },
    )
    const done = await world.run('--json')
    expect(done.code, done.stderr).toBe(0)
    const { run } = await world.json<{ run: { id: string; result_branch: string } }>(['status'])
    const shown = await world.json<{ work: { diff_command: string } }>(['workflow', 'show', run.id])
    expect(shown).toMatchObject({
      run: { id: run.id, status: 'done', workflow: 'flow', file: world.file },
      input: {},
      output: 1,
      work: {
        place: 'repository',
        folder: null,
        branch: run.result_branch,
        finish_command: `git merge ${run.result_branch}`,
      },
      steps: [
        { handle: 'one', status: 'done', attempt: 1, files: ['a.txt'], output: { n: 1 }, reason: null },
        { handle: 'safe', status: 'done', output: 1 },
        { handle: 'safe.try.bad', status: 'done', output: null, reason: { code: 'agent_failed', message: 'no' } },
        { handle: 'safe.catch.told', commit: null },
      ],
    })
    expect(world.git(...shown.work.diff_command.split(' ').slice(1))).toContain('+a')
    const text = (await world.belay(['workflow', 'show', run.id])).stdout
    expect(text).toMatch(/^one +done +\{"n":1\} {2}commit [0-9a-f]{10}: a\.txt$/m)
    expect(text).toMatch(/^safe\.try\.bad +done +agent_failed: no$/m)
    expect(text).toContain(`take it over with: git merge ${run.result_branch}`)
    const none = await world.belay(['workflow', 'show', '20200101-000000-abcdef', '--json'])
    expect(JSON.parse(none.stdout)).toMatchObject({ error: { code: 'run_unknown' } })
  })

  it('in a folder, says where that is: at its end, and when it is shown', async () => {
    start({ one: [{ files: { 'a.txt': 'a\n' } }] }).flow([agent('one')], { workspace: 'directory' })
    const { stderr } = await world.run()
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    const folder = join(world.home, 'workspaces', 'workflow', run.id)
    expect(stderr).toContain(`the work is in ${folder}`)
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('a\n')
    expect((await world.belay(['workflow', 'show', run.id])).stdout).toContain(`the work is in ${folder}`)
  })

  it('directory-per-step: a folder for each step, also of each visit and try; cleaned with the run', async () => {
    const seen = 'ls > "$AGENT_FOLDER/seen"; touch left'
    start({ one: [{ sh: seen }], two: [{ sh: seen }], do: [{ sh: seen }] })
    world.flow([agent('one'), agent('two'), { id: 'each', type: 'foreach', items: [1, 2], states: [agent('do')] }], {
      workspace: 'directory-per-step',
    })
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    expect(world.agentFile('seen')).toBe('')
    expect(world.prompt('two')).toContain('You are in a folder of your own')
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    const folder = join(world.home, 'workspaces', 'workflow', run.id)
    expect(readdirSync(join(folder, 'run')).sort()).toEqual(['each.0.do', 'each.1.do', 'one', 'two'])
    expect(result.stderr).toContain(`the work is in ${folder}`)
    expect((await world.belay(['clean', run.id])).code).toBe(0)
    expect(existsSync(folder)).toBe(false)
  })

  it('shared-directory: a folder that runs share, and that outlives them', async () => {
    start({ one: [{ sh: 'ls > "$AGENT_FOLDER/seen"; touch left' }] })
    world.flow([agent('one')], { workspace: 'shared-directory' })
    expect((await world.run()).code).toBe(0)
    expect(world.agentFile('seen')).toBe('')
    const second = await world.run()
    expect(world.agentFile('seen')).toBe('left\n')
    const folder = join(world.home, 'workspaces', 'shared')
    expect(second.stderr).toContain(`the work is in ${folder}`)
    expect((await world.belay(['clean'])).code).toBe(0)
    expect(readdirSync(folder)).toEqual(['left'])
  })

  it('is given up with its agents, and a step with those inside of it', async () => {
    start({ slow: [{ hang: true }] }).flow([
      { id: 'both', type: 'parallel', branches: { a: { states: [agent('slow')] }, b: { states: [agent('quick')] } } },
      agent('after'),
    ])
    const running = collect(world.start(['workflow', 'run', world.file, '--json']))
    await world.until(() => world.asked().includes('both.a.slow'))
    const given = await world.json<{ cancelled: string[]; held: boolean }>([
      'cancel',
      'both.a.slow',
      '--note',
      'too slow',
    ])
    expect(given).toMatchObject({ cancelled: ['both.a.slow'], held: true })
    const ended = await running
    expect(ended.code).toBe(3)
    expect(finished(ended).status).toBe('cancelled')
    const pid = world.requests().find((one) => JSON.stringify(one).includes('both.a.slow'))?.['pid']
    expect(isGone(Number(pid))).toBe(true)
    world.turns({})
    expect((await world.belay(['retry', 'both.a.slow', '--resume'])).code).toBe(0)
    expect(world.asked().filter((handle) => handle === 'both.b.quick')).toHaveLength(1)
    expect((await world.belay(['retry', 'both.a.slow', '--json'])).stdout).toContain('task_done')
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    expect((await world.belay(['cancel', run.id, '--json'])).stdout).toContain('run_ended')
  })

  it('keeps the work of its steps when one is given up, for a later retry and from `clean`', async () => {
    start({ quick: [{ files: { 'quick.txt': 'q' } }], slow: [{ hang: true }] }).flow([
      { id: 'both', type: 'parallel', branches: { a: { states: [agent('quick')] }, b: { states: [agent('slow')] } } },
    ])
    const running = collect(world.start(['workflow', 'run', world.file, '--json']))
    await world.until(() => world.asked().includes('both.b.slow'))
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    const branch = `belay/${run.id}/task-both.a.quick`
    await world.until(() => world.git('for-each-ref', `refs/heads/${branch}`) !== '')
    expect((await world.belay(['cancel', 'both.b.slow'])).code).toBe(0)
    expect(finished(await running).status).toBe('cancelled')
    expect(world.git('show', `${branch}:quick.txt`)).toBe('q')
    expect(await world.json(['clean'])).toMatchObject({ cleaned: [], kept: [{ run: run.id }] })
    world.git('gc', '-q', '--prune=now')
    world.turns({ slow: [{ files: { 'slow.txt': 's' } }] })
    const again = await world.belay(['retry', 'both.b.slow', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    expect(world.git('show', `belay/${run.id}/result:quick.txt`)).toBe('q')
    expect(world.git('show', `belay/${run.id}/result:slow.txt`)).toBe('s')
    expect(world.git('for-each-ref', '--format=%(refname:short)', 'refs/heads/belay')).toBe(`belay/${run.id}/result`)
  })

  it('is given up as a whole with its questions', async () => {
    start().flow([{ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }])
    await world.run()
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    expect(await world.json(['cancel', run.id])).toMatchObject({ cancelled: ['ok'], status: 'cancelled' })
    expect((await world.belay(['checkpoints'])).stdout).toContain('Nothing is asked of anybody')
    expect((await world.belay(['resume'])).stdout).toContain('Nothing to resume')
  })

  it('keeps why a step failed when it is given up as a whole', async () => {
    start({ bad: [{ error: { code: 'failed', message: 'no way' } }] }).flow([
      {
        id: 'both',
        type: 'parallel',
        branches: {
          a: { states: [agent('bad')] },
          b: { states: [{ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }] },
        },
      },
    ])
    await world.run()
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    const given = await world.json<{ cancelled: string[] }>(['cancel', run.id])
    expect(given.cancelled.toSorted()).toEqual(['both', 'both.b.ok'])
    expect(await world.statuses()).toEqual({ both: 'cancelled', 'both.a.bad': 'blocked', 'both.b.ok': 'cancelled' })
    expect((await world.belay(['show', 'both.a.bad'])).stdout).toContain('no way')
  })

  it('ends in order when it is interrupted, is nobody else’s meanwhile, and goes on', async () => {
    start({ two: [{ hang: true }] }).flow([agent('one'), agent('two'), agent('three')])
    const child = world.start(['workflow', 'run', world.file, '--json'])
    const running = collect(child)
    await world.until(() => world.asked().includes('two'))
    const held = await world.belay(['resume', '--json'])
    expect(held.code).toBe(2)
    expect(JSON.parse(held.stdout)).toMatchObject({ error: { code: 'held' } })
    child.kill('SIGINT')
    const ended = await running
    expect(ended.code).toBe(130)
    expect(finished(ended).status).toBe('interrupted')
    world.turns({})
    expect((await world.belay(['resume'])).code).toBe(0)
    expect(world.asked()).toEqual(['one', 'two', 'two', 'three'])
  })

  it('killed while an agent changed the repository behind its back, undoes that and says so', async () => {
    const sh = 'git config core.pager evil; git branch mine; touch "$AGENT_FOLDER/there"'
    start({ one: [{ sh, hang: true }, {}] }).flow([agent('one')])
    const child = world.start(['workflow', 'run', world.file])
    const gone = collect(child)
    await world.until(() => existsSync(join(world.agentDir, 'there')))
    child.kill('SIGKILL')
    await gone
    expect((await world.belay(['resume'])).code).toBe(0)
    expect(world.git('config', '--get', '--default', 'none', 'core.pager')).toBe('none')
    expect(world.git('for-each-ref', '--format=%(refname)', 'refs/heads/mine')).toBe('')
    const { stdout } = await world.belay(['events', '--type', 'run.settled', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      data: { found: expect.arrayContaining([expect.stringContaining('config')]) },
    })
  })

  it('in a folder, a step that was cut off is told to look at what it left', async () => {
    start({ one: [{ files: { 'half.txt': 'half' }, hang: true }] }).flow([agent('one')], { workspace: 'directory' })
    const child = world.start(['workflow', 'run', world.file])
    const running = collect(child)
    await world.until(() => world.asked().length === 1)
    child.kill('SIGKILL')
    await running
    world.turns({ one: [{ sh: 'ls > "$AGENT_FOLDER/seen"' }] })
    expect((await world.belay(['resume'])).code).toBe(0)
    expect(world.prompt('one', 0)).not.toContain('## Interrupted')
    expect(world.prompt('one', 1)).toContain('## Interrupted')
    expect(world.agentFile('seen')).toBe('half.txt\n')
  })

  it('does not need its file any more, nor what its agents were', async () => {
    start().flow([{ id: 'ok', type: 'human_approval', message: 'ok?', timeout: '1h' }, agent('after')])
    expect((await world.run()).code).toBe(4)
    world.write('states: []\n')
    const id = /^(cp-\w+)/m.exec((await world.belay(['checkpoints'])).stdout)?.[1] ?? ''
    expect((await world.belay(['answer', id, 'approve', '--resume'])).code).toBe(0)
    expect(world.asked()).toEqual(['after'])
  })

  it('is cleaned when its work is in a branch of the user, not before', async () => {
    start({ one: [{ files: { 'a.txt': 'a\n' } }] }).flow([agent('one')])
    await world.run()
    const { run } = await world.json<{ run: { id: string; result_branch: string } }>(['status'])
    expect((await world.belay(['clean'])).stdout).toContain(`kept run ${run.id}`)
    world.git('merge', '-q', run.result_branch)
    expect((await world.belay(['clean'])).code).toBe(0)
    expect(world.git('for-each-ref', '--format=%(refname)', 'refs/heads/belay')).toBe('')
    world.flow([agent('one')], { workspace: 'directory' })
    await world.run()
    const folder = join(world.home, 'workspaces', 'workflow')
    expect(readdirSync(folder)).toHaveLength(1)
    expect((await world.belay(['clean'])).code).toBe(0)
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([])
  })

  it('is cleaned when it was given up, except for what a person resolved', async () => {
    start({ left: [{ files: { 'README.md': 'l\n' } }], right: [{ files: { 'README.md': 'r\n' } }] })
    world.flow([
      { id: 'both', type: 'parallel', branches: { a: { states: [agent('left')] }, b: { states: [agent('right')] } } },
    ])
    expect((await world.run()).code).toBe(3)
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    const resolved = `belay/${run.id}/resolved-both`
    world.git('switch', '-q', '-c', resolved, `belay/${run.id}/task-both.a.left`)
    world.files({ 'README.md': 'by hand\n' }).commit('resolved')
    world.git('switch', '-q', '-')
    expect((await world.belay(['cancel', run.id])).code).toBe(0)
    expect(await world.json(['clean'])).toMatchObject({
      cleaned: [],
      kept: [{ run: run.id, reason: { code: 'unlanded', message: expect.stringMatching(`^${resolved} has commits`) } }],
    })
    world.git('branch', 'mine', resolved)
    expect(await world.json(['clean'])).toMatchObject({ cleaned: [{ run: run.id }], kept: [] })
    expect(world.git('for-each-ref', '--format=%(refname)', 'refs/heads/belay')).toBe('')
  })

  it('refuses an agent that is not there before anything is stored', async () => {
    start().flow([agent('one')], { agent: { command: ['./nothing-of-this-name'], timeout: '1m' } })
    const result = await world.run('--json')
    expect(result.code).toBe(2)
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'agent_missing' } })
    expect((await world.json<{ run: unknown }>(['status'])).run).toBeNull()
  })

  it('makes each checkout usable as belay.yaml says', async () => {
    start({ one: [{ sh: 'cat made.txt > "$AGENT_FOLDER/made"' }] })
    world
      .files({ 'belay.yaml': 'workspace: {setup: ["echo ready > made.txt"]}\n', '.gitignore': 'made.txt\n' })
      .commit('x')
    world.flow([agent('one')])
    const result = await world.run()
    expect(result.code, result.stderr).toBe(0)
    expect(world.agentFile('made')).toBe('ready\n')
  })

  it('tells notify.command when a person is wanted, and when it ends', async () => {
    start().files({
      'belay.yaml': `notify:\n  command: "cat >> ${join(world.dir, 'told')}; echo >> ${join(world.dir, 'told')}"\n`,
    })
    world.commit('x').flow([{ id: 'ok', type: 'human_approval', message: 'Ship it?', timeout: '1h' }])
    expect((await world.run()).code).toBe(4)
    const told = readFileSync(join(world.dir, 'told'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { event: string; message: string })
    expect(told.map((one) => one.event)).toEqual(['task.waiting', 'run.finished'])
    expect(told[0]?.message).toBe('ok is waiting: Ship it?')
  })
})
