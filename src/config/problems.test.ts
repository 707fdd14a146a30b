import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BelayError } from '../core/errors.ts'
import { PROVIDER_NAMES } from './providers.ts'
import { failure, freshPlace, load, root, userDir, yaml } from './testing/place.ts'

freshPlace()

describe('problems', () => {
  it('reports all of them at once, with line, key, expectation, what was there and what was meant', async () => {
    writeFileSync(join(userDir, 'config.yaml'), 'concurency: 2\n')
    const error = await failure(yaml(BROKEN))
    expect(error.code).toBe('config_invalid')
    expect(error.exit).toBe(2)
    const told = error.message.replaceAll(userDir, 'USER').replace(PROVIDER_NAMES.join(', '), 'PROVIDERS')
    expect(told.split('\n')).toMatchInlineSnapshot(`
      [
        "the configuration has 8 problems:",
        "  USER/config.yaml:1: concurency: unknown key; did you mean concurrency?",
        "  belay.yaml:2: task.max_iterations: expected a whole number from 1 to 20, received "lots"",
        "  belay.yaml:3: task.sauce: unknown key; did you mean task.source?",
        "  belay.yaml:8: verify.commands[1].timeout: expected a duration with a unit, at most 24d, such as "90s", "10m" or "1h30m", received 30",
        "  belay.yaml:9: verify.commands[1].minTests: unknown key; did you mean verify.commands[1].min_tests?",
        "  belay.yaml:13: workflow.roles.implementer.provider: expected one of PROVIDERS, received "codx"; did you mean codex?",
        "  belay.yaml:16: extra: unknown key; expected one of the keys task, verify, workspace, workflow, policy, providers, budget, concurrency, git, publish, notify",
        "  belay.yaml:15: workflow.roles.reviewer.effort: expected one of minimal, low, medium, high, xhigh (provider codex), received "max"",
      ]
    `)
    expect(error.shape()).toMatchObject({
      expected: expect.stringContaining('concurrency') as string,
      received: '"concurency"',
    })
    expect(error.next).toContain('belay.yaml')
  })

  it('names the line in TOML where it can be found', async () => {
    writeFileSync(
      join(root, 'belay.toml'),
      '# c\n[workflow.roles.reviewer]\neffort = "max"\ntimeout = 5\n[verify]\nrequire = true',
    )
    const { message } = await failure(load())
    expect(message).toContain('belay.toml:3: workflow.roles.reviewer.effort: expected one of minimal, low')
    expect(message).toContain('belay.toml:4: workflow.roles.reviewer.timeout: expected a duration')
    expect(message).toContain('belay.toml:6: verify.require: unknown key; did you mean verify.required?')
  })

  it.each([
    ['a bare number', 'workflow: {roles: {reviewer: {timeout: 600}}}', 'expected a duration with a unit'],
    ['a number as text', 'workflow: {roles: {reviewer: {timeout: "600"}}}', 'received "600"'],
    [
      'no time at all',
      'verify: {commands: [{run: x, timeout: 0s}]}',
      'verify.commands[0].timeout: expected a duration',
    ],
    ['a month', 'budget: {wall: 31d}', 'at most 24d'],
    ['no budget', 'budget: {usd: 0}', 'above 0'],
    ['a budget that is no number', 'budget: {usd: .nan}', 'above 0'],
    ['half a task', 'task: {max_iterations: 2.5}', 'a whole number from 1 to 20'],
    ['too many iterations', 'task: {max_iterations: 21}', 'a whole number from 1 to 20'],
    ['a sandbox that is none', 'verify: {sandbox: gvisor}', 'verify.sandbox: expected one of host, os, docker, e2b'],
    ['a sandbox without a name', 'verify: {sandbox: {pids: 5}}', 'verify.sandbox.backend'],
    ['memory without a unit', 'verify: {sandbox: {backend: os, memory: 512}}', 'a size with a unit'],
    ['a relative path', 'verify: {sandbox: {backend: os, write: [x]}}', 'an absolute path'],
    ['an address for a host', 'verify: {sandbox: {backend: os, hosts: ["https://a/"]}}', 'a host name'],
    ['network twice', 'verify: {sandbox: {backend: os, network: full, hosts: [a.b]}}', 'either network or hosts'],
    [
      'a key in a file',
      'providers: {a: {base_url: "http://x", key_env: sk-abc}}',
      'a key is never written into a file',
    ],
    [
      'a key by another name',
      'providers: {a: {base_url: "http://x", api_key: sk-abc}}',
      'one of the keys api, base_url, key_env, models',
    ],
    ['a login in an address', 'providers: {a: {base_url: "http://u:p@x"}}', 'without a login in it, received text'],
    ['an address of none', 'providers: {a: {}}', 'providers.a.base_url'],
    ['a known service', 'providers: {anthropic: {base_url: "http://x"}}', 'a name of its own'],
    ['a key of another', 'providers: {a: {base_url: "http://x", key_env: OPENAI_API_KEY}}', 'begins with BELAY_'],
    ['an unknown format', 'providers: {a: {base_url: "http://x", api: soap}}', 'one of openai-chat, openai-responses'],
    ['half a price', 'providers: {a: {base_url: "http://x", models: {m: {price: {input: 1}}}}}', 'price.output'],
    ['half a process', 'verify: {sandbox: {backend: os, pids: 0.5}}', 'a whole number'],
    ['an unknown detail', 'verify: {sandbox: {backend: os, user: root}}', 'verify.sandbox.user: unknown key'],
    ['a blank command', 'verify: {commands: ["  "]}', 'verify.commands[0]: expected a command'],
    ['a command that is a number', 'verify: {commands: [5]}', 'verify.commands[0]: expected a command'],
    ['an empty argv', 'verify: {commands: [{run: []}]}', 'at least one argument'],
    ['a nameless program', 'verify: {commands: [{run: ["", x]}]}', 'names a program'],
    ['a NUL', 'verify: {commands: ["a\\0b"]}', 'without NUL'],
    [
      'min_tests for setup',
      'workspace: {setup: [{run: x, min_tests: 1}]}',
      'workspace.setup[0].min_tests: unknown key',
    ],
    ['a name with ;', 'verify: {commands: [{run: x, name: "a;b"}]}', 'a name of at most 60 characters'],
    ['a name with =', 'verify: {commands: [{run: x, name: "a=b"}]}', 'a name of at most 60 characters'],
    ['a name with a line feed', 'verify: {commands: [{run: x, name: "a\\nb"}]}', 'a name of at most 60 characters'],
    [
      'a name twice',
      'verify: {commands: [{run: x, name: a}, {run: y, name: a}]}',
      'commands[1].name: expected a name that no other',
    ],
    ['a folder outside', 'verify: {commands: [{run: x, cwd: ../y}]}', 'a path inside the repository'],
    ['an absolute folder', 'workspace: {copy: [/etc/passwd]}', 'a path inside the repository'],
    ['git itself', 'workspace: {copy: [.git/config]}', 'a path inside the repository'],
    ['git itself, indirectly', 'workspace: {copy: [./.git/config]}', 'a path inside the repository'],
    ['the whole repository', 'workspace: {copy: [.]}', 'a path inside the repository'],
    ['a relative root', 'workspace: {root: ws}', 'an absolute path'],
    ['an unknown provider', 'workflow: {roles: {reviewer: {provider: cluade}}}', 'did you mean claude?'],
    [
      'a foreign effort',
      'workflow: {roles: {reviewer: {provider: claude, effort: minimal}}}',
      'one of low, medium, high, xhigh, max (provider claude)',
    ],
    ['effort of a program', 'workflow: {roles: {reviewer: {command: [x], effort: low}}}', 'no effort'],
    [
      'a command agent without command',
      'workflow: {roles: {reviewer: {provider: command}}}',
      'roles.reviewer.command: expected a command',
    ],
    [
      'a command for the engine',
      'workflow: {roles: {reviewer: {provider: engine, command: [x]}}}',
      'expected no command',
    ],
    ['shell text for codex', 'workflow: {roles: {reviewer: {provider: codex, command: x}}}', 'a list of arguments'],
    ['a variable name', 'workflow: {roles: {reviewer: {env: {"A-B": x}}}}', 'a variable name'],
    ['camel case', 'task: {maxIterations: 3}', 'did you mean task.max_iterations?'],
    ['a key one level up', 'commands: [x]', 'did you mean verify.commands?'],
    ['a list', '- a', 'expected a mapping of keys, received a list'],
    ['a duplicate key', 'task: {}\ntask: {}', 'belay.yaml:2: expected valid YAML'],
    ['bad indentation', 'task:\n - a\n b: c', 'expected valid YAML'],
    ['a custom tag', 'task: !!js/function x', 'expected valid YAML'],
    ['several documents', 'task: {}\n---\ntask: {}', 'expected valid YAML'],
    ['a prototype', '__proto__: {task: 1}', '__proto__: unknown key'],
    ['a prototype further down', 'task: {__proto__: {source: openspec}}', 'task.__proto__: unknown key'],
    [
      'a constructor as variable',
      'workflow: {roles: {reviewer: {env: {constructor: x}}}}',
      'env.constructor: unknown key',
    ],
    ['a loop', 'task: &a {source: *a}', 'task.source'],
    ['deep nesting', `task: ${'['.repeat(9000)}`, 'belay.yaml'],
    ['an anchor bomb', bomb(), 'belay.yaml'],
    ['a bomb of merge keys', bomb('{<<: [', ']}', '{x: 1}'), 'Excessive alias count'],
    ['a mapping merged into itself', 'task: &a {<<: *a}', 'Excessive alias count'],
    ['what is merged and no mapping', 'task: {<<: 3}', 'Merge sources must be maps'],
    ['an unknown key that is merged', 'git: &a {sauce: x}\ntask: {<<: *a}', 'belay.yaml:2: task.sauce: unknown key'],
  ])('refuses %s', async (_, text, expected) => {
    const error = await failure(yaml(text))
    expect(error.code).toBe('config_invalid')
    expect(error.message).toContain(expected)
  })

  it('never shows the value of a variable', async () => {
    const { message } = await failure(yaml('workflow: {roles: {reviewer: {env: {TOKEN: 123456}}}}'))
    expect(message).toContain(
      'env.TOKEN: expected text (quote numbers), or null to remove the variable, received a number',
    )
    expect(message).not.toContain('123456')
  })

  it.each([
    [['novalue'], 'KEY=VALUE'],
    [['=x'], 'KEY=VALUE'],
    [['a..b=x'], 'KEY=VALUE'],
    [['task.sauce=x'], '--set task.sauce: task.sauce: unknown key; did you mean task.source?'],
    [['task.source=prompt'], '--set task.source: task.source: expected one of spec-kit, openspec'],
    [['verify.commands=[a'], '--set verify.commands: expected a YAML value'],
    [['__proto__.x=1'], 'expected a known key'],
    [['task=1'], 'task: expected a mapping, received 1'],
    [['verify.commands.0.timeout=1m'], 'expected a list of commands'],
  ])('refuses --set %j', async (set, expected) => {
    expect((await failure(load({ set }))).message).toContain(expected)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it('names the flag or variable that a bad value comes from', async () => {
    const flags = [{ key: 'task.max_iterations', value: 99, flag: '--max-iterations' }]
    expect((await failure(load({ flags }))).message).toContain(
      '--max-iterations: task.max_iterations: expected a whole',
    )
    const env = { BELAY_TASK__MAX_ITERATION: '3', BELAY_CONCURRENCY: 'many' }
    const { message } = await failure(load({ env }))
    expect(message).toContain('BELAY_TASK__MAX_ITERATIONS, received BELAY_TASK__MAX_ITERATION')
    expect(message).toContain('BELAY_CONCURRENCY: concurrency: expected a whole number from 1 to 64, received "many"')
  })

  it('finds an effort that only the layers together make wrong, and says where it stands', async () => {
    writeFileSync(join(userDir, 'config.yaml'), 'workflow: {roles: {reviewer: {effort: xhigh}}}')
    const { message } = await failure(yaml('workflow: {roles: {reviewer: {effort: max}}}'))
    expect(message).toContain('belay.yaml:1: workflow.roles.reviewer.effort: expected one of minimal')
  })

  it('refuses two files, a file under another name, and what is no text file', async () => {
    writeFileSync(join(root, 'belay.toml'), '')
    expect((await failure(yaml(''))).message).toContain('one file, belay.yaml or belay.toml')
    rmSync(join(root, 'belay.toml'))
    rmSync(join(root, 'belay.yaml'))
    writeFileSync(join(root, 'belay.yml'), '')
    expect((await failure(load())).message).toContain('the name belay.yaml')
    rmSync(join(root, 'belay.yml'))
    mkdirSync(join(root, 'belay.yaml'))
    expect((await failure(load())).message).toContain('not a regular file')
    rmSync(join(root, 'belay.yaml'), { recursive: true })
    symlinkSync('/dev/zero', join(root, 'belay.yaml'))
    expect((await failure(load())).message).toContain('not a regular file')
    rmSync(join(root, 'belay.yaml'))
    writeFileSync(join(root, 'belay.yaml'), Buffer.from([0x61, 0xff, 0xfe]))
    expect((await failure(load())).message).toContain('a readable UTF-8 text file')
    expect((await failure(yaml(`# ${'x'.repeat(300_000)}`))).message).toContain('at most 262144 bytes')
  })

  it('says that pull requests are not there yet', async () => {
    const error = await failure(yaml('workflow: {mode: pull-request}'))
    expect(error.shape()).toMatchObject({ code: 'mode_not_available', expected: 'direct', received: 'pull-request' })
    expect(error.exit).toBe(2)
  })

  it('either loads or says config_invalid, whatever the file holds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.dictionary(KEYS, fc.jsonValue()).map((v) => JSON.stringify(v)),
        ),
        async (text) => {
          await yaml(text).catch((error: unknown) => {
            if (!(error instanceof BelayError)) throw error
            expect(['config_invalid', 'mode_not_available']).toContain(error.code)
          })
        },
      ),
      { numRuns: 300 },
    )
  })
})

const KEYS = fc.constantFrom(
  'task',
  'verify',
  'workspace',
  'workflow',
  'budget',
  'concurrency',
  'git',
  'notify',
  '__proto__',
  'x',
)

function bomb(open = '[', close = ']', first = '[x, x, x, x, x, x, x, x, x, x]'): string {
  const lines = [`a0: &a0 ${first}`]
  for (let i = 1; i < 12; i++)
    lines.push(
      `a${i}: &a${i} ${open}${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}${close}`,
    )
  return lines.join('\n')
}

const BROKEN = `task:
  max_iterations: lots
  sauce: spec-kit
verify:
  commands:
    - npm test
    - run: npm run lint
      timeout: 30
      minTests: 3
workflow:
  roles:
    implementer:
      provider: codx
    reviewer:
      effort: max
extra: 1
`
