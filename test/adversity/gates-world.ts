import { afterEach } from 'vitest'
import { World, type Scenario, type Turn } from '../support/world.ts'

export let world: World
afterEach(() => world.dispose())

export const ONCE = 'task: {max_iterations: 1}\n'

export function start(scenario: Scenario): World {
  world = new World(scenario)
  return world
}

/** One turn of the implementer for a prompt task. */
export function turn(does: Turn): Scenario {
  return { implementer: { '*': [does] } }
}

export const SUM = 'export const sum = (a, b) => a + b\n'
export const TEST = `import test from 'node:test'
import assert from 'node:assert'
import { sum } from '../src/sum.mjs'
test('adds', () => assert.equal(sum(1, 2), 3))
test('adds nothing', () => assert.equal(sum(1, 0), 1))
`
export const BROKEN = 'export const sum = () => 7\n'
export const SUMMARY = [
  'tests 2',
  'suites 0',
  'pass 2',
  'fail 0',
  'cancelled 0',
  'skipped 0',
  'todo 0',
  'duration_ms 3',
]
export const FAKE = `console.log(${JSON.stringify(SUMMARY.map((line) => `ℹ ${line}`).join('\n'))})
console.log(${JSON.stringify(['TAP version 13', 'ok 1 - adds', 'ok 2 - adds nothing', '1..2', ...SUMMARY.map((line) => `# ${line}`)].join('\n'))})
`

/** A small project with two honest tests. */
export function project(fresh: World, gates: string): World {
  return fresh
    .files({
      'src/sum.mjs': SUM,
      'test/sum.test.mjs': TEST,
      'package.json': JSON.stringify({ name: 'sum', version: '1.0.0', scripts: { test: 'node --test' } }),
      'check.sh':
        '#!/bin/sh\nnode -e "import(\'./src/sum.mjs\').then(({sum}) => process.exit(sum(1, 2) === 3 ? 0 : 1))"\n',
      'run.sh': '#!/bin/sh\nexec node --test\n',
    })
    .config(`${ONCE}verify:\n  commands: [${gates}]\n`)
    .commit()
}

export const NODE = '{run: node --test, name: unit}'
