/** The texts of the demo project. */

export const FEATURE = '001-statistics'

const STATS = `/** The sum of a list of numbers. */
export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}
`

const STATS_TEST = `import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as stats from '../src/stats.js'

describe('sum', () => {
  test('sum of some numbers', () => {
    assert.equal(stats.sum([1, 2, 3]), 6)
  })
})
`

const SPEC = `# Statistics

People want to know more about a list of numbers than its sum.

- \`mean(numbers)\` gives the arithmetic mean.
- \`median(numbers)\` gives the value in the middle; of an even number of values, the mean of the two in the middle.
- \`range(numbers)\` gives the distance between the smallest and the largest number.
- Each of them throws a \`RangeError\` for a list without numbers.
`

const PLAN = `# Plan

Plain JavaScript without dependencies. Functions go into \`src/stats.js\`, their tests into
\`test/stats.test.js\`, for the test runner of Node (\`node --test\`).
`

const TASKS = `# Tasks: Statistics

## Phase 1: Functions

- [ ] T001 Add mean(numbers) with tests
  - Acceptance: an empty list is refused with a RangeError
- [ ] T002 Add median(numbers) with tests
  - Acceptance: an empty list is refused with a RangeError
- [ ] T003 Add range(numbers) with tests
  - Acceptance: an empty list is refused with a RangeError
`

const README = `# Belay demo

A throwaway project, made by \`belay demo\`. Three tasks wait in \`specs/${FEATURE}/tasks.md\`; belay.yaml names a scripted agent
that plays implementer and reviewer, and the tests as the gate. Delete this folder whenever you like.
`

const PACKAGE = { name: 'belay-demo', private: true, type: 'module', scripts: { test: 'node --test' } }

/** The text of every file, by path (with `/`). `node` and `agent` are the programs that belay.yaml names. */
export function demoFiles(node: string, agent: string): ReadonlyMap<string, string> {
  return new Map([
    ['README.md', README],
    ['package.json', `${JSON.stringify(PACKAGE, null, 2)}\n`],
    ['belay.yaml', config(node, agent)],
    ['src/stats.js', STATS],
    ['test/stats.test.js', STATS_TEST],
    [`specs/${FEATURE}/spec.md`, SPEC],
    [`specs/${FEATURE}/plan.md`, PLAN],
    [`specs/${FEATURE}/tasks.md`, TASKS],
  ])
}

/** JSON strings are valid YAML strings, whatever the paths contain. */
function config(node: string, agent: string): string {
  const command = JSON.stringify([node, agent])
  return `# What proves that a task is done: Belay runs this itself, an agent's word counts for nothing.
verify:
  commands:
    - name: tests
      run: ${JSON.stringify([node, '--test'])}

# Who does the work. Here a script plays both parts; with a real agent it is, for example, { provider: claude }.
workflow:
  roles:
    implementer:
      provider: command
      command: ${command}
    reviewer:
      provider: command
      command: ${command}
`
}
