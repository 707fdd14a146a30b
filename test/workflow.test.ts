import { afterEach, describe, expect, it } from 'vitest'
import { WorkflowWorld, agent, finished } from './support/workflow-world.ts'

let world: WorkflowWorld
afterEach(() => world.dispose())

function start(turns: ConstructorParameters<typeof WorkflowWorld>[0] = {}): WorkflowWorld {
  world = new WorkflowWorld(turns)
  return world
}

describe('the states of a workflow', () => {
  it('agent: each step works on what the steps before left, commits of its own on the result branch', async () => {
    start({
      plan: [{ files: { 'plan.md': 'the plan\n' }, text: 'planned it', answer: { title: 'Belay', n: 2 } }],
      build: [{ sh: 'cat plan.md > built.md', text: 'built it' }],
    })
    world.flow(
      [
        agent('plan', {
          prompt: 'Plan ${input.topic}.',
          output_schema: {
            type: 'object',
            properties: { title: {}, n: {} },
            required: ['title'],
            additionalProperties: false,
          },
        }),
        agent('build', { prompt: 'Build ${steps.plan.output.title} for ${in.who}', input: { who: '${input.who}' } }),
      ],
      {
        input: {
          type: 'object',
          properties: { topic: { type: 'string' }, who: { type: 'string', default: 'all' } },
          required: ['topic'],
        },
        output: { title: '${steps.plan.output.title}', said: '${steps.build.output.text}', run: '${run.workflow}' },
      },
    )
    const result = await world.run('--set', 'topic=a rope', '--json')
    expect(result.code, result.stderr).toBe(0)
    expect(finished(result).output).toEqual({ title: 'Belay', said: 'built it', run: 'flow' })
    const [first, second] = world.requests()
    expect(first).toMatchObject({
      role: 'step',
      task: { handle: 'plan' },
      attempt: 1,
      output_schema: { required: ['title'] },
    })
    expect(second).toMatchObject({ role: 'step', task: { handle: 'build' }, output_schema: null })
    expect(first?.['prompt']).toContain('## Job\nPlan a rope.')
    expect(second?.['prompt']).toContain('Build Belay for all')
    expect(second?.['prompt']).toContain('## Input\n```json\n{\n  "who": "all"\n}\n```')
    expect(second?.['prompt']).toContain('Step plan (agent):')
    expect(second?.['prompt']).toContain('files: plan.md')
    const { run } = await world.json<{ run: { id: string; result_branch: string; finish_command: string } }>(['status'])
    const commits = world.log(run.result_branch)
    expect(commits.map((one) => one.subject)).toEqual(['first', 'plan: agent plan', 'build: agent build'])
    expect(commits[2]?.trailers).toMatchObject({
      'Belay-Task': 'build',
      'Belay-Run': run.id,
      'Belay-Agent': 'step=command',
    })
    expect(world.git('show', `${run.result_branch}:built.md`)).toBe('the plan')
    // The user's checkout is as it was; taking the work over is the user's to do.
    expect(world.has('plan.md')).toBe(false)
    expect(world.git('status', '--porcelain')).toBe('')
    expect(run.finish_command).toBe(`git merge ${run.result_branch}`)
    world.git('merge', '-q', run.result_branch)
    expect(world.read('built.md')).toBe('the plan\n')
    expect(world.git('for-each-ref', '--format=%(refname)', 'refs/heads/belay', 'refs/belay')).toBe(
      `refs/heads/${run.result_branch}`,
    )
  })

  it('agent: read-only steps leave nothing, and steps of a folder share it', async () => {
    start({ look: [{ files: { 'left.txt': 'x' } }], see: [{ sh: 'ls > "$AGENT_FOLDER/seen"' }] })
    world.flow([agent('look'), agent('see')])
    const text = world.flowText().replace('agent:\n', 'agent:\n  access: read-only\n')
    world.write(text)
    expect((await world.run()).code).toBe(0)
    expect(world.agentFile('seen').trim()).toBe('README.md')
    const { run } = await world.json<{ run: { finish_command: string | null; result_branch: string } }>(['status'])
    expect(run.finish_command).toBeNull()

    world.flow([agent('look'), agent('see')], { workspace: 'directory' })
    expect((await world.run()).code).toBe(0)
    expect(world.agentFile('seen').trim()).toBe('left.txt')
    const [, , third] = world.requests()
    expect(String(third?.['workspace'])).toContain('/workspaces/workflow/')
  })

  it('agent: works outside of a repository, and says so when it must not', async () => {
    start({ write: [{ files: { 'a.txt': 'a' }, text: 'wrote' }] }).flow([agent('write')])
    const outside = { cwd: world.dir }
    const result = await world.belay(['workflow', 'run', world.file, '--json'], outside)
    expect(result.code, result.stderr).toBe(0)
    expect(finished(result).output).toEqual({ text: 'wrote' })
    const status = await world.belay(['status', '--json'], outside)
    expect(JSON.parse(status.stdout)).toMatchObject({
      run: { status: 'done', source: 'workflow', result_branch: null },
    })
    world.flow([agent('write')], { workspace: 'repository' })
    const refused = await world.belay(['workflow', 'run', world.file, '--json'], outside)
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'no_repository' } })
  })

  it('switch: goes where the first case that holds leads, else to the default, else it fails', async () => {
    start()
    const states = [
      {
        id: 'route',
        type: 'switch',
        cases: [
          { when: '${input.kind} == "quick" and ${input.n} < 3', next: 'quick' },
          { when: '${input.kind} in "never"', next: 'end' },
        ],
        default: 'slow',
      },
      { id: 'slow', type: 'inject', value: 'slow', next: 'end' },
      { id: 'quick', type: 'inject', value: 'quick' },
    ]
    const input = { type: 'object', properties: { kind: { type: 'string' }, n: { type: 'integer', default: 1 } } }
    world.flow(states, { input, agent: undefined })
    expect(finished(await world.run('--set', 'kind=quick', '--json')).output).toBe('quick')
    expect(finished(await world.run('--set', 'kind=quick', '--set', 'n=3', '--json')).output).toBe('slow')
    expect(finished(await world.run('--set', 'kind=never', '--json')).output).toBeNull()
    world.flow([{ ...states[0], default: undefined }, ...states.slice(1).reverse()].slice(0, 2), {
      input,
      agent: undefined,
    })
    const failed = await world.run('--set', 'kind=x', '--json')
    expect(failed.code).toBe(3)
    expect(finished(failed).reason).toMatchObject({ code: 'no_case' })
  })

  it('switch: a value of another kind, or none at all, is a failure and no guess', async () => {
    start().flow([{ id: 'route', type: 'switch', cases: [{ when: '${input.x} > 3', next: 'end' }], default: 'end' }], {
      input: { type: 'object', properties: { x: {} } },
      agent: undefined,
    })
    expect(finished(await world.run('--set', 'x=text', '--json')).reason).toMatchObject({ code: 'expression_type' })
    expect(finished(await world.run('--json')).reason).toMatchObject({ code: 'unresolved_reference' })
    expect(finished(await world.run('--set', 'x=4', '--json')).status).toBe('done')
  })

  it('switch: leads back until a condition holds, each visit a step of its own', async () => {
    start()
    const ok = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
    world.turns({
      check: [{ answer: { ok: false } }],
      'check@2': [{ answer: { ok: false } }],
      'check@3': [{ answer: { ok: true } }],
    })
    world.flow([
      agent('check', { output_schema: ok, result: 'latest' }),
      { id: 'again', type: 'switch', cases: [{ when: 'not ${results.latest.ok}', next: 'check' }], default: 'end' },
    ])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(Object.keys(await world.steps())).toEqual(['check', 'again', 'check@2', 'again@2', 'check@3', 'again@3'])
    world.turns({ check: [{ answer: { ok: false } }] })
    world.write(`${world.flowText()}max_steps: 9\n`)
    const endless = await world.run('--json')
    expect(endless.code).toBe(1)
    expect(endless.stdout).toContain('too_many_steps')
  })

  it('foreach: goes over the items in order, and gathers what each brought', async () => {
    start({ do: [{ sh: 'cat log.txt > "$AGENT_FOLDER/log" 2>/dev/null; echo x >> log.txt' }] })
    world.flow(
      [
        {
          id: 'each',
          type: 'foreach',
          items: '${input.files}',
          item: 'file',
          states: [
            agent('do', { prompt: 'Item ${index}: ${file.name}' }),
            { id: 'sum', type: 'transform', value: { of: '${file.name}', said: '${steps.do.output.text}' } },
          ],
        },
      ],
      { input: { type: 'object', properties: { files: { type: 'array' } } } },
    )
    const result = await world.run('--set', 'files=[{"name":"a"},{"name":"b"},{"name":"c"}]', '--json')
    expect(result.code, result.stderr).toBe(0)
    expect(finished(result).output).toEqual([
      { of: 'a', said: 'did each.0.do' },
      { of: 'b', said: 'did each.1.do' },
      { of: 'c', said: 'did each.2.do' },
    ])
    expect(world.timeline().map(({ what, handle }) => `${what} ${handle}`)).toEqual(
      [0, 1, 2].flatMap((i) => [`begin each.${i}.do`, `end each.${i}.do`]),
    )
    expect(world.prompt('each.1.do')).toContain('Item 1: b')
    // One at a time, each goes on where the one before ended.
    expect(world.agentFile('log')).toBe('x\nx\n')
    const { run } = await world.json<{ run: { result_branch: string } }>(['status'])
    expect(world.git('show', `${run.result_branch}:log.txt`)).toBe('x\nx\nx')
    expect(finished(await world.run('--set', 'files=[]', '--json')).output).toEqual([])
    expect(finished(await world.run('--set', 'files=[1]', '--json')).reason?.code).toBe('unresolved_reference')
  })

  it('foreach: works on as many items at once as it may, and no more', async () => {
    start({ do: [{ meet: 2 }] })
    world.flow([{ id: 'each', type: 'foreach', items: [1, 2, 3, 4, 5], max_concurrency: 2, states: [agent('do')] }])
    expect((await world.run()).code).toBe(0)
    let atWork = 0
    let most = 0
    for (const { what } of world.timeline()) {
      atWork += what === 'begin' ? 1 : -1
      most = Math.max(most, atWork)
    }
    expect(most).toBe(2)
    expect(world.asked()).toHaveLength(5)
  })

  it('parallel: branches run beside each other in worktrees of their own, and their work is merged', async () => {
    start({
      left: [{ meet: 2, files: { 'left.txt': 'l' }, sh: 'ls > "$AGENT_FOLDER/left"' }],
      right: [{ meet: 2, files: { 'right.txt': 'r' }, sh: 'ls > "$AGENT_FOLDER/right"' }],
      after: [{ sh: 'ls > "$AGENT_FOLDER/after"' }],
    })
    world.flow([
      { id: 'both', type: 'parallel', branches: { a: { states: [agent('left')] }, b: { states: [agent('right')] } } },
      agent('after', { prompt: 'See ${steps.both.output.a.text} and ${steps.both.output.b.text}' }),
    ])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(world.agentFile('left')).toBe('README.md\nleft.txt\n')
    expect(world.agentFile('right')).toBe('README.md\nright.txt\n')
    expect(world.agentFile('after')).toBe('README.md\nleft.txt\nright.txt\n')
    expect(world.prompt('after')).toContain('See did both.a.left and did both.b.right')
    // Who works beside another is told nothing of it, who comes after is.
    expect(world.prompt('both.b.right')).not.toContain('both.a.left')
    expect(world.prompt('after')).toContain('Step both.a.left (agent):')
    const { run } = await world.json<{ run: { result_branch: string } }>(['status'])
    expect(world.log(run.result_branch).at(-1)?.subject).toBe('both: merge b')
  })

  it('parallel: work that does not merge is said to be so, and is kept', async () => {
    start({ left: [{ files: { 'README.md': 'l\n' } }], right: [{ files: { 'README.md': 'r\n' } }] })
    world.flow([
      { id: 'both', type: 'parallel', branches: { a: { states: [agent('left')] }, b: { states: [agent('right')] } } },
    ])
    const result = await world.run('--json')
    expect(result.code).toBe(3)
    const { reason } = finished(result)
    expect(reason?.code).toBe('merge_conflict')
    expect(reason?.message).toContain('conflicts in README.md')
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    expect(world.git('show', `belay/${run.id}/task-both.b.right:README.md`)).toBe('r')
    expect((await world.statuses())['both']).toBe('blocked')
    const kept = async (...branches: readonly string[]) => {
      const message = `${branches.map((name) => `belay/${run.id}/${name}`).join(', ')} have commits`
      expect(await world.json(['clean'])).toMatchObject({
        cleaned: [],
        kept: [{ run: run.id, reason: { code: 'unlanded', message: expect.stringContaining(message) } }],
      })
    }
    await kept('task-both.a.left', 'task-both.b.right')
    // A person resolves it as the message says, and what was done is not done again.
    expect(result.stderr + reason?.message).toContain(`git switch -c belay/${run.id}/resolved-both`)
    const commands = /to resolve them: (.*)$/.exec(reason?.message ?? '')?.[1]?.split('; ') ?? []
    expect(commands.map((one) => one.split(' ').slice(0, 2).join(' '))).toEqual([
      'git switch',
      'git merge',
      'git switch',
      'belay retry',
    ])
    const [begin = '', merge = '', back = '', on = ''] = commands
    expect((await world.belay(on.split(' ').slice(1))).code).toBe(3)
    world.git(...begin.split(' ').slice(1))
    expect(() => world.git(...merge.split(' ').slice(1))).toThrow('git merge')
    world.files({ 'README.md': 'l and r\n' }).commit('both of them')
    world.git(...back.split(' ').slice(1))
    await kept('resolved-both', 'task-both.a.left', 'task-both.b.right')
    const resolved = await world.belay(on.split(' ').slice(1))
    expect(resolved.code, resolved.stderr).toBe(0)
    expect(world.git('show', `belay/${run.id}/result:README.md`)).toBe('l and r')
    expect(world.git('for-each-ref', '--format=%(refname:short)', 'refs/heads/belay')).toBe(`belay/${run.id}/result`)
    expect(world.asked().sort()).toEqual(['both.a.left', 'both.b.right'])
    // A handler may take it from there.
    world.flow([
      {
        id: 'guarded',
        type: 'try',
        states: [
          {
            id: 'both',
            type: 'parallel',
            branches: { a: { states: [agent('left')] }, b: { states: [agent('right')] } },
          },
        ],
        catch: [
          { on: ['merge_conflict'], states: [{ id: 'told', type: 'transform', value: '${error.code} ${error.step}' }] },
        ],
      },
    ])
    expect(finished(await world.run('--json'))).toMatchObject({
      reason: null,
      output: 'merge_conflict guarded.try.both',
    })
  })

  it('parallel: when a branch fails, the others end first, and the run waits for a person', async () => {
    start({ bad: [{ error: { code: 'failed', message: 'no way' } }], good: [{ meet: 2 }] })
    world.flow([
      { id: 'both', type: 'parallel', branches: { a: { states: [agent('bad', {})] }, b: { states: [agent('good')] } } },
      agent('after'),
    ])
    const result = await world.run('--json')
    expect(result.code).toBe(3)
    expect(finished(result).reason).toMatchObject({ code: 'agent_failed', message: 'step both.a.bad: no way' })
    expect(await world.statuses()).toEqual({ both: 'suspended', 'both.a.bad': 'blocked', 'both.b.good': 'done' })
    expect((await world.belay(['resume'])).stdout).toContain('Nothing to resume')
    // Mended, it goes on, and what was done is not done again.
    world.turns({})
    const retried = await world.belay(['retry', 'both.a.bad', '--resume'])
    expect(retried.code, retried.stderr).toBe(0)
    expect(world.asked().sort()).toEqual(['after', 'both.a.bad', 'both.a.bad', 'both.b.good'])
  })

  it('try: a handler takes the failures that it names, and what comes last runs in any case', async () => {
    start({ risky: [{ error: { code: 'failed', message: 'no way' } }] })
    const guarded = (on: string) => [
      {
        id: 'guarded',
        type: 'try',
        states: [agent('risky')],
        catch: [
          {
            on: [on],
            states: [{ id: 'mend', type: 'transform', value: '${error.code}: ${error.message} (${error.step})' }],
          },
        ],
        finally: { states: [{ id: 'tidy', type: 'inject', value: 'tidied' }] },
      },
      { id: 'after', type: 'transform', value: 'then ${steps.guarded.output}' },
    ]
    world.flow(guarded('agent_failed'))
    const caught = await world.run('--json')
    expect(caught.code, caught.stderr).toBe(0)
    expect(finished(caught).output).toBe('then agent_failed: no way (guarded.try.risky)')
    expect(Object.keys(await world.steps())).toEqual([
      'guarded',
      'guarded.try.risky',
      'guarded.catch.mend',
      'guarded.finally.tidy',
      'after',
    ])
    const shown = await world.belay(['show', 'guarded.try.risky'])
    expect(shown.stdout).toContain('it failed (agent_failed: no way), and the workflow took it from there')
    world.flow(guarded('no_case'))
    const passed = await world.run('--json')
    expect(passed.code).toBe(3)
    expect(finished(passed).reason).toMatchObject({
      code: 'agent_failed',
      message: 'step guarded: step guarded.try.risky: no way',
    })
    expect(await world.statuses()).toEqual({
      guarded: 'blocked',
      'guarded.try.risky': 'done',
      'guarded.finally.tidy': 'done',
    })
    world.turns({})
    expect(finished(await world.run('--json')).output).toMatch(/^then \{"text"/)
    expect(Object.keys(await world.steps())).toEqual(['guarded', 'guarded.try.risky', 'guarded.finally.tidy', 'after'])
  })

  it('inject and transform: data as it is, and values made of others', async () => {
    start().flow(
      [
        { id: 'data', type: 'inject', value: { list: [1, 2], text: 'not ${filled}' } },
        {
          id: 'made',
          type: 'transform',
          value: { first: '${steps.data.output.list[0]}', all: '${steps.data.output}' },
        },
      ],
      { agent: undefined },
    )
    expect(finished(await world.run('--json')).output).toEqual({
      first: 1,
      all: { list: [1, 2], text: 'not ${filled}' },
    })
    const shown = await world.json<{ artifacts: { kind: string; data: unknown }[] }>(['show', 'data'])
    expect(shown.artifacts).toMatchObject([
      { kind: 'output', data: { output: { list: [1, 2], text: 'not ${filled}' } } },
    ])
  })
})
