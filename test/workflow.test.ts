import { afterEach, describe, expect, it } from 'vitest'
import { WorkflowWorld, finished } from './support/workflow-world.ts'

let world: WorkflowWorld
afterEach(() => world.dispose())

function start(turns: ConstructorParameters<typeof WorkflowWorld>[0] = {}): WorkflowWorld {
  world = new WorkflowWorld(turns)
  return world
}

const agent = (id: string, more: Readonly<Record<string, unknown>> = {}) => ({
  id,
  type: 'agent',
  prompt: `Do ${id}.`,
  ...more,
})

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
})
