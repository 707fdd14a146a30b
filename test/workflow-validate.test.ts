import { afterEach, describe, expect, it } from 'vitest'
import { World } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

const GOOD = `
name: hello
description: Says hello
agent: {command: [./agent.sh], timeout: 5m}
states:
  - {id: greet, type: agent, prompt: Say hello}
`

describe('belay workflow validate, show and list', () => {
  it('says that a workflow is valid, by name and by path, also from a folder below', async () => {
    world = new World().files({ '.belay/workflows/hello.yaml': GOOD, 'sub/other.yaml': GOOD }).commit()
    const byName = await world.belay(['workflow', 'validate', 'hello'], { cwd: `${world.repo}/sub` })
    expect(byName).toMatchObject({ code: 0, stdout: '../.belay/workflows/hello.yaml is valid\n' })
    const byPath = await world.belay(['workflow', 'validate', 'other.yaml'], { cwd: `${world.repo}/sub` })
    expect(byPath).toMatchObject({ code: 0, stdout: 'other.yaml is valid\n' })
  })

  it('exits with 2 and tells every issue with code, path, expected, actual and hint', async () => {
    world = new World()
    world.files({ 'bad.yaml': GOOD.replace('prompt: Say hello', 'promt: Say hello').replace('timeout: 5m', 'x: 1') })
    const text = await world.belay(['workflow', 'validate', 'bad.yaml'])
    expect(text.code).toBe(2)
    expect(text.stdout).toContain('bad.yaml:6:30: UNKNOWN_KEY: states[0].promt is no known key')
    expect(text.stdout).toContain('did you mean prompt?')
    expect(text.stdout).toContain('bad.yaml is not valid: 3 errors')
    const json = await world.json(['workflow', 'validate', 'bad.yaml'])
    expect(json).toMatchObject({
      valid: false,
      file: `${world.repo}/bad.yaml`,
      errors: [
        { severity: 'error', code: 'UNKNOWN_KEY', path: 'agent.x' },
        { code: 'MISSING_KEY', path: 'states[0].prompt' },
        {
          code: 'UNKNOWN_KEY',
          path: 'states[0].promt',
          where: 'bad.yaml:6:30',
          actual: '"promt"',
          hint: 'did you mean prompt?',
        },
      ],
      warnings: [],
    })
  })

  it('names what is there when a workflow is not', async () => {
    world = new World().files({ '.belay/workflows/hello.yaml': GOOD })
    const unknown = await world.belay(['workflow', 'validate', 'helo', '--json'])
    expect(unknown.code).toBe(2)
    expect(JSON.parse(unknown.stdout)).toMatchObject({
      error: { code: 'workflow_unknown', expected: 'hello', received: 'helo', next: 'did you mean hello?' },
    })
    const missing = await world.belay(['workflow', 'validate', './x.yaml', '--json'])
    expect(missing.code).toBe(2)
    expect(JSON.parse(missing.stdout)).toMatchObject({ error: { code: 'workflow_missing', received: './x.yaml' } })
    world.files({ '.belay/workflows/hello.yml': GOOD })
    const two = await world.belay(['workflow', 'validate', 'hello', '--json'])
    expect(two.code).toBe(2)
    expect(JSON.parse(two.stdout)).toMatchObject({
      error: { code: 'workflow_ambiguous', received: expect.stringMatching(/hello\.ya?ml, hello\.ya?ml/) as string },
    })
  })

  it('draws it as text and as a chart, and refuses to draw what is not valid', async () => {
    world = new World().files({ '.belay/workflows/hello.yaml': GOOD, 'bad.yaml': 'states: []' })
    const text = await world.belay(['workflow', 'show', 'hello'])
    expect(text.stdout).toContain('greet: agent agent (command, workspace-write, 5m00s)\n  -> end')
    const chart = await world.belay(['workflow', 'show', 'hello', '--mermaid'])
    expect(chart.stdout).toContain('flowchart TD\n  start(( )) --> s_greet\n')
    expect(await world.json(['workflow', 'show', 'hello'])).toMatchObject({ workflow: { name: 'hello' } })
    const bad = await world.belay(['workflow', 'show', 'bad.yaml'])
    expect(bad).toMatchObject({ code: 2, stdout: '' })
    expect(bad.stderr).toContain('MISSING_STATES')
  })

  it('lists the workflows of the repository, also those that are not valid', async () => {
    world = new World()
    expect((await world.belay(['workflow', 'list'])).stdout).toBe('There is no workflow in .belay/workflows.\n')
    world.files({
      '.belay/workflows/hello.yaml': GOOD,
      '.belay/workflows/bad.yml': 'states: []',
      '.belay/workflows/x.md': '',
    })
    expect((await world.belay(['workflow', 'list'])).stdout).toBe('bad (not valid)\nhello  Says hello\n')
    expect(await world.json(['workflow', 'list'])).toMatchObject({
      workflows: [
        { name: 'bad', valid: false },
        { name: 'hello', valid: true, description: 'Says hello' },
      ],
    })
  })
})
