/** Workflows as people write them, in YAML, from the first validation until the work is merged. */
import { afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { WorkflowWorld, finished } from './support/workflow-world.ts'

let world: WorkflowWorld
afterEach(() => world.dispose())

/** Writes the workflow to the repository, with the scripted agent as the agent of all steps. */
function start(turns: ConstructorParameters<typeof WorkflowWorld>[0], name: string, text: string): void {
  world = new WorkflowWorld(turns)
  world.flow([])
  const { agent } = parse(world.flowText()) as { agent: object }
  world.files({ [`.belay/workflows/${name}.yaml`]: `agent: ${JSON.stringify(agent)}\n${text}` }).commit('workflow')
}

async function valid(name: string): Promise<void> {
  expect(await world.json(['workflow', 'validate', name])).toMatchObject({ valid: true, errors: [], warnings: [] })
}

describe('release notes', () => {
  const FLOW = `
input:
  type: object
  properties:
    version: {type: string, pattern: '^\\d+\\.\\d+\\.\\d+$'}
    areas: {type: array, items: {type: string}, default: [api, cli]}
  required: [version]
states:
  - {id: areas, type: foreach, items: "\${input.areas}", item: area, max_concurrency: 2, states: [{id: read, type: agent, prompt: "What changed in \${area}?"}]}
  - id: write
    type: agent
    prompt: Write the notes of \${input.version}.
    input: {found: "\${steps.areas.output}"}
    output_schema: {type: object, properties: {title: {type: string}, breaking: {type: boolean}}, required: [title, breaking], additionalProperties: false}
  - {id: risk, type: switch, cases: [{when: "not \${steps.write.output.breaking}", next: end}], default: ask}
  - {id: ask, type: human_approval, message: "\${steps.write.output.title} breaks something. Publish?", timeout: 2d}
output: {title: "\${steps.write.output.title}", areas: "\${steps.areas.output.length}"}
`
  const write = (breaking: boolean) => [
    { files: { 'NOTES.md': '# 1.2.0\n' }, answer: { title: 'Belay 1.2', breaking } },
  ]

  it('from validation over a dry run to the notes in the checkout', async () => {
    start({ write: write(false) }, 'release', FLOW)
    await valid('release')
    const wrong = await world.belay(['workflow', 'run', 'release', '--input', 'version=v1'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('/version: must match pattern')])
    expect(
      (await world.belay(['workflow', 'run', 'release', '--dry-run', '--input', 'version=1.2.0'])).stdout,
    ).toContain('What changed in api?')
    const result = await world.belay(['workflow', 'run', 'release', '--input', 'version=1.2.0'])
    expect(result.code, result.stderr).toBe(0)
    expect(JSON.parse(result.stdout)).toEqual({ title: 'Belay 1.2', areas: 2 })
    const { run } = await world.json<{ run: { finish_command: string } }>(['status'])
    world.git(...run.finish_command.split(' ').slice(1))
    expect(world.read('NOTES.md')).toBe('# 1.2.0\n')
    expect((await world.belay(['clean'])).stdout).toContain('removed')
    expect(world.git('for-each-ref', 'refs/heads/belay', 'refs/belay')).toBe('')
  })

  it('a risk is asked of a person, and the run says what to do next', async () => {
    start({ write: write(true) }, 'release', FLOW)
    const asked = await world.belay(['workflow', 'run', 'release', '--input', 'version=2.0.0'])
    expect([asked.code, asked.stdout]).toEqual([4, ''])
    expect(asked.stderr).toContain('Belay 1.2 breaks something. Publish?')
    expect(asked.stderr.trimEnd().split('\n').at(-1)).toBe('next: belay checkpoints')
    const id = /belay answer (\S+)/.exec(asked.stderr)?.[1] ?? ''
    const rejected = await world.belay(['answer', id, 'reject', '--note', 'not on a Friday', '--resume'])
    expect(rejected.code).toBe(3)
    expect(rejected.stderr).toContain('blocked: step ask: a person rejected it: not on a Friday')
    expect(rejected.stderr.trimEnd().split('\n').at(-1)).toBe('next: belay show ask')
  })
})

describe('triage of issues', () => {
  const FLOW = `
input: {type: object, properties: {issues: {type: array}}, required: [issues]}
states:
  - id: each
    type: foreach
    items: \${input.issues}
    item: issue
    max_concurrency: 3
    states:
      - {id: judge, type: agent, prompt: "What is \${issue.title}?", output_schema: {type: object, properties: {kind: {enum: [bug, crash, question]}}, required: [kind]}}
      - {id: route, type: switch, cases: [{when: '\${steps.judge.output.kind} in ["bug", "crash"]', next: fix}], default: reply}
      - {id: fix, type: agent, prompt: "Mend \${issue.title}", output: {fixed: "\${issue.title}"}, next: end}
      - {id: reply, type: transform, value: {answered: "\${issue.title}"}}
`

  it('issues from standard input, each its own way, and what was mended is merged', async () => {
    start(
      {
        'each.0.judge': [{ answer: { kind: 'crash' } }],
        'each.1.judge': [{ answer: { kind: 'question' } }],
        'each.2.judge': [{ answer: { kind: 'bug' } }],
        'each.0.fix': [{ files: { 'one.txt': '1\n' } }],
        'each.2.fix': [{ files: { 'three.txt': '3\n' } }],
      },
      'triage',
      FLOW,
    )
    await valid('triage')
    const issues = ['one', 'two', 'three'].map((title) => ({ title }))
    const words = ['workflow', 'run', 'triage', '--input', '-']
    const result = await world.belay([...words, '--json'], { input: JSON.stringify({ issues }) })
    expect(result.code, result.stderr).toBe(0)
    expect(finished(result).output).toEqual([{ fixed: 'one' }, { answered: 'two' }, { fixed: 'three' }])
    const { run } = await world.json<{ run: { result_branch: string } }>(['status'])
    const files = world.git('ls-tree', '--name-only', run.result_branch).split('\n')
    expect(files).toEqual(expect.arrayContaining(['one.txt', 'three.txt']))
    expect(finished(await world.belay([...words, '--json'], { input: '{"issues": []}' })).output).toEqual([])
  })
})

describe('states in states', () => {
  it('every kind of expression means what it says, however deep it stands', async () => {
    start(
      { boom: [{ error: { code: 'failed', message: 'broke' } }] },
      'deep',
      `
input: {type: object, properties: {rows: {type: array, default: [[1, 2], [3]]}, "a key": {type: string, default: odd}}}
states:
  - id: rows
    type: foreach
    items: \${input.rows}
    item: row
    max_concurrency: 2
    states:
      - id: cells
        type: foreach
        items: \${row}
        item: cell
        states:
          - id: both
            type: parallel
            branches:
              told: {states: [{id: left, type: agent, prompt: "Cell \${cell} of \${row.length}, number \${index}"}]}
              made: {states: [{id: right, type: transform, value: {cell: "\${cell}", first: "\${row[0]}", text: "<\${cell}>", odd: '\${input["a key"]}', plain: "$\${5}", all: "\${input.rows}"}}]}
            output: \${output.made}
  - id: safe
    type: try
    states: [{id: boom, type: agent, prompt: Try., retry: {max_attempts: 2, backoff: 1ms, on: [agent_failed]}}]
    catch:
      - {on: [agent_timeout], states: [{id: late, type: inject, value: late}]}
      - {states: [{id: told_of, type: transform, value: "\${error.code} in \${error.step}"}]}
    finally: {states: [{id: tidy, type: inject, value: null}]}
    result: verdict
  - {id: route, type: switch, cases: [{when: '\${steps.rows.output.length} >= 2 and (\${results.verdict} contains "agent_failed" or exists \${steps.sum.output})', next: sum}], default: end}
  - {id: sum, type: transform, value: {last: "\${steps.rows.output[1][0]}", said: "\${results.verdict}", by: "\${run.workflow}"}}
`,
    )
    await valid('deep')
    const result = await world.belay(['workflow', 'run', 'deep', '--json'])
    expect(result.code, result.stderr).toBe(0)
    const all = [[1, 2], [3]]
    expect(finished(result).output).toEqual({
      last: { cell: 3, first: 3, text: '<3>', odd: 'odd', plain: '${5}', all },
      said: 'agent_failed in safe.try.boom',
      by: 'deep',
    })
    expect(world.prompt('rows.0.cells.1.both.told.left')).toContain('Cell 2 of 2, number 1')
    const chart = (await world.belay(['workflow', 'show', 'deep', '--mermaid'])).stdout
    expect(chart).toContain('subgraph s_both_made_box["both made"]')
    const { run } = await world.json<{ run: { id: string } }>(['status'])
    expect((await world.belay(['workflow', 'show', run.id])).stdout).toMatch(/^rows\.1\.cells\.0\.both +done /m)
  })
})
