import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { variableOf } from './flags.ts'
import { leaves } from './keys.ts'
import { loadConfig } from './load.ts'
import { failure, freshPlace, load, root, userDir, yaml } from './testing/place.ts'

freshPlace()

describe('defaults and values', () => {
  it('has the documented defaults without any file', async () => {
    const { config, files, projectFile, warnings } = await load()
    expect({ files, projectFile, warnings }).toEqual({ files: [], projectFile: null, warnings: [] })
    expect(config.task).toEqual({ source: 'spec-kit', maxIterations: 5, allowEmpty: [] })
    expect(config.verify).toMatchObject({ gates: [], required: false })
    expect(config.workspace).toMatchObject({ setup: [], copy: [], root: null })
    expect(config.workspace.setupInputs).toContain('package-lock.json')
    const role = {
      provider: 'codex',
      model: null,
      effort: null,
      timeoutMs: 3_600_000,
      stallMs: 600_000,
      sandbox: null,
      env: {},
      command: null,
      failover: [],
    }
    expect(config.workflow.roles).toEqual({
      implementer: { ...role, access: 'workspace-write' },
      reviewer: { ...role, access: 'read-only' },
    })
    expect(config.budget).toEqual({ usd: null, tokens: null, wallMs: null, unknownCost: 'refuse' })
    expect(config).toMatchObject({ concurrency: 1, git: { sign: 'auto' }, notify: { command: null } })
  })

  it('reads merge keys: what stands in a mapping itself wins, then the first of several', async () => {
    const { config } = await yaml(`
workflow:
  roles:
    implementer: &base {model: m, effort: low, timeout: 5m}
    reviewer:
      <<: [*base, {stall: 3m, effort: high}]
      model: other
`)
    expect(config.workflow.roles.reviewer).toMatchObject({
      model: 'other',
      effort: 'low',
      timeoutMs: 300_000,
      stallMs: 180_000,
    })
  })

  it('reads every key of belay.yaml', async () => {
    const { config, files, projectFile } = await yaml(EVERYTHING)
    expect(files).toEqual([join(root, 'belay.yaml')])
    expect(projectFile).toBe(join(root, 'belay.yaml'))
    expect(config).toEqual({
      task: { source: 'openspec', maxIterations: 3, allowEmpty: ['T014'] },
      verify: {
        gates: [
          { name: 'npm test', run: 'npm test', timeoutMs: 600_000, minTests: null, cwd: null },
          { name: 'lint', run: ['npm', 'run', 'lint'], timeoutMs: 90_000, minTests: 4, cwd: 'packages/api' },
        ],
        required: true,
        sandbox: {
          backend: 'docker',
          network: { mode: 'none' },
          resources: { cpus: 1.5, memoryBytes: 512 * 1024 ** 2, pids: 300, diskBytes: 2 * 1024 ** 3 },
          read: ['/opt/tools'],
          write: [join(homedir(), '.cache')],
          hide: ['/srv'],
          image: 'node:24',
          runtime: 'runsc',
        },
        protected: ['checks/**'],
      },
      workspace: {
        setup: [{ name: 'npm ci', run: 'npm ci', timeoutMs: 600_000, minTests: null, cwd: null }],
        setupInputs: ['package-lock.json'],
        copy: ['.env'],
        root: '/var/tmp/ws',
      },
      publish: {
        nats: {
          url: 'nats://h:4222',
          subject: 'x.{run}',
          sessionSubject: 'y.{session}',
          maxPayload: 4096,
          flushMs: 1000,
        },
      },
      policy: {
        commands: { allow: ['git push origin *'], ask: ['npm publish'], deny: ['> @tmp'] },
        presets: ['node', 'strict'],
      },
      approvals: { waitMs: 1_800_000 },
      providers: {
        gateway: {
          api: 'anthropic',
          baseUrl: 'https://models.example.com',
          keyEnv: 'BELAY_KEY',
          models: {
            'a/b': {
              contextWindow: 4096,
              maxOutput: 512,
              reasoning: true,
              price: { input: 1, output: 2, cacheRead: 0.5, cacheWrite: 1 },
            },
            c: { contextWindow: null, maxOutput: null, reasoning: false, price: null },
          },
        },
      },
      workflow: {
        mode: 'direct',
        roles: {
          implementer: {
            provider: 'command',
            model: 'house',
            effort: null,
            timeoutMs: 5_400_000,
            stallMs: 120_000,
            access: 'full',
            sandbox: { ...BARE, network: { mode: 'hosts', hosts: ['a.example', '*.b.example:443'] } },
            env: { A: '1', B: null },
            command: [join(root, 'tools/agent.sh'), '--fast'],
            failover: [
              { provider: 'claude', model: null, effort: null, command: null },
              { provider: 'acp', model: 'm', effort: null, command: [join(root, 'tools/acp')] },
            ],
          },
          reviewer: {
            provider: 'claude',
            model: null,
            effort: 'max',
            timeoutMs: 3_600_000,
            stallMs: 600_000,
            access: 'read-only',
            sandbox: BARE,
            env: {},
            command: ['/opt/claude'],
            failover: [],
          },
        },
      },
      budget: { usd: 2.5, tokens: 1000, wallMs: 28_800_000, unknownCost: 'allow' },
      concurrency: 4,
      git: { sign: 'off' },
      notify: { command: ['/bin/sh', '-c', 'notify-send x'] },
    })
    expect(JSON.parse(JSON.stringify(config))).toEqual(config)
  })

  it('reads belay.toml the same way', async () => {
    writeFileSync(
      join(root, 'belay.toml'),
      '[task]\nmax_iterations = 7\n[verify]\ncommands = ["make test", { run = ["go", "vet"], timeout = "2m" }]\n',
    )
    const { config } = await load()
    expect(config.task.maxIterations).toBe(7)
    expect(config.verify.gates.map((gate) => [gate.name, gate.timeoutMs])).toEqual([
      ['make test', 600_000],
      ['go vet', 120_000],
    ])
  })

  it('takes a section whose keys are all commented out as not there, but not an empty value', async () => {
    const { config } = await yaml('verify:\n  # commands: []\nworkflow:\n  roles:\n    reviewer:\n')
    expect(config.verify.gates).toEqual([])
    expect((await failure(yaml('verify:\n  commands:\n'))).message).toContain(
      'belay.yaml:2: verify.commands: expected a list of commands, received nothing (null)',
    )
  })

  it('warns of what is allowed but surely not meant', async () => {
    const { warnings } = await yaml('workflow: {roles: {reviewer: {access: full, stall: 2h}}}')
    expect(warnings).toHaveLength(2)
  })
})

describe('layers', () => {
  it('puts flags over --set over environment over project over user', async () => {
    writeFileSync(
      join(userDir, 'config.yaml'),
      'task: {max_iterations: 2, allow_empty: [u]}\nconcurrency: 2\nbudget: {usd: 1}\n',
    )
    writeFileSync(join(root, 'belay.yaml'), 'task: {max_iterations: 3, allow_empty: [p]}\nconcurrency: 3\n')
    const env = { BELAY_CONCURRENCY: '4', BELAY_TASK__MAX_ITERATIONS: '4', BELAY_HOME: '/x', BELAY_GIT__SIGN: '' }
    const { config, files } = await load({
      env,
      set: ['task.max_iterations=5', 'concurrency=5'],
      flags: [{ key: 'concurrency', value: 6, flag: '--concurrency' }],
    })
    expect(config.budget.usd).toBe(1)
    expect(config.task).toMatchObject({ allowEmpty: ['p'], maxIterations: 5 })
    expect(config.concurrency).toBe(6)
    expect(files).toEqual([join(userDir, 'config.yaml'), join(root, 'belay.yaml')])
  })

  it("adds the project's rules and presets to the user's: nothing of them can be taken away, but by who starts it", async () => {
    writeFileSync(
      join(userDir, 'config.yaml'),
      'policy: {commands: {allow: [a], ask: [b], deny: [c, d]}, presets: [strict]}\n',
    )
    writeFileSync(
      join(root, 'belay.yaml'),
      'policy: {commands: {allow: [c], deny: [d, e], ask: []}, presets: [node]}\n',
    )
    expect((await load({})).config.policy).toMatchObject({
      commands: { allow: ['a', 'c'], ask: ['b'], deny: ['c', 'd', 'e'] },
      presets: ['strict', 'node'],
    })
    const { policy } = (await load({ set: ['policy.commands.deny=[z]'] })).config
    expect(policy?.commands).toMatchObject({ allow: ['a', 'c'], deny: ['z'] })
  })

  it('finds the user file under XDG_CONFIG_HOME, else under HOME', async () => {
    mkdirSync(join(root, 'xdg/belay'), { recursive: true })
    mkdirSync(join(root, 'home/.config/belay'), { recursive: true })
    writeFileSync(join(root, 'xdg/belay/config.toml'), 'concurrency = 8')
    writeFileSync(join(root, 'home/.config/belay/config.yaml'), 'concurrency: 9\nworkspace: {root: ~/ws}')
    const home = join(root, 'home')
    const xdg = await loadConfig({ root, env: { XDG_CONFIG_HOME: join(root, 'xdg'), HOME: home } })
    expect(xdg.config.concurrency).toBe(8)
    const own = await loadConfig({ root, env: { XDG_CONFIG_HOME: 'relative', HOME: home } })
    expect(own.config.concurrency).toBe(9)
    expect(own.config.workspace.root).toBe(join(home, 'ws'))
  })

  it('uses a proposal only where the repository has no file', async () => {
    expect((await load({ proposal: () => Promise.resolve('concurrency: 5') })).config.concurrency).toBe(5)
    writeFileSync(join(userDir, 'config.yaml'), 'concurrency: 7')
    expect((await load({ proposal: () => Promise.resolve('concurrency: 5') })).config.concurrency).toBe(7)
    writeFileSync(join(root, 'belay.yaml'), 'concurrency: 2')
    expect((await load({ proposal: () => Promise.resolve('concurrency: 5') })).config.concurrency).toBe(2)
  })

  it('drops model, effort and command of another provider, and keeps them for the same one', async () => {
    writeFileSync(
      join(root, 'belay.yaml'),
      'workflow: {roles: {implementer: {provider: codex, model: gpt, effort: minimal, timeout: 5m}, reviewer: {model: gpt}}}',
    )
    const other = await load({
      flags: [{ key: 'workflow.roles.implementer.provider', value: 'claude', flag: '--implementer' }],
    })
    expect(other.config.workflow.roles.implementer).toMatchObject({
      provider: 'claude',
      model: null,
      effort: null,
      timeoutMs: 300_000,
    })
    const same = await load({
      set: ['workflow.roles.reviewer.provider=codex', 'workflow.roles.implementer.provider=codex'],
    })
    expect(same.config.workflow.roles).toMatchObject({ implementer: { model: 'gpt' }, reviewer: { model: 'gpt' } })
  })

  it('reads --set values as YAML, lists and mappings too', async () => {
    const { config } = await load({
      set: [
        'verify.commands=[npm test, {run: a=b, min_tests: 2}]',
        'workflow.roles.implementer.env.FOO=a=b',
        'notify.command=say hi',
        'workflow.roles.reviewer.model="4"',
      ],
    })
    expect(config.verify.gates.map((gate) => gate.run)).toEqual(['npm test', 'a=b'])
    expect(config.workflow.roles.implementer.env).toEqual({ FOO: 'a=b' })
    expect(config.notify.command).toEqual(['/bin/sh', '-c', 'say hi'])
    expect(config.workflow.roles.reviewer.model).toBe('4')
  })

  it('sets every key from the environment and with --set', async () => {
    for (const { path } of leaves()) {
      const key = path.join('.')
      const value = SAMPLES[key]
      expect(value, `a sample for ${key}`).toBeDefined()
      const role = key.split('.')[2] ?? ''
      const provider =
        key.startsWith('workflow.roles.') && key.split('.')[3] !== 'provider'
          ? [`workflow.roles.${role}.provider=claude`]
          : []
      const providerVariable =
        provider.length > 0 ? { [variableOf(['workflow', 'roles', role, 'provider'])]: 'claude' } : {}
      const plain = (await load({ set: provider })).config
      const bySet = (await load({ set: [...provider, `${key}=${value}`] })).config
      const byEnv = (await load({ env: { ...providerVariable, [variableOf(path)]: value } })).config
      if (key !== 'workflow.mode') expect(bySet, key).not.toEqual(plain)
      expect(byEnv, key).toEqual(bySet)
    }
  })
})

const BARE = {
  backend: 'os',
  network: null,
  resources: { cpus: null, memoryBytes: null, pids: null, diskBytes: null },
  read: [],
  write: [],
  hide: [],
  image: null,
  runtime: null,
}

const SAMPLES: Readonly<Record<string, string>> = {
  'task.source': 'openspec',
  'task.max_iterations': '4',
  'task.allow_empty': '[T001]',
  'verify.commands': '[make]',
  'verify.required': 'true',
  'verify.sandbox': 'os',
  'verify.protected': '[x/**]',
  'workspace.setup': '[make deps]',
  'workspace.setup_inputs': '[x.lock]',
  'workspace.copy': '[.env]',
  'workspace.root': '/var/ws',
  'workflow.mode': 'direct',
  ...Object.fromEntries(
    ['implementer', 'reviewer'].flatMap((role) =>
      Object.entries({
        provider: 'claude',
        model: 'm',
        effort: 'high',
        timeout: '3m',
        stall: '2m',
        access: 'full',
        sandbox: '{backend: docker, pids: 9}',
        failover: '[claude]',
        env: '{A: b, C: null}',
        command: '[x, y]',
      }).map(([key, value]) => [`workflow.roles.${role}.${key}`, value]),
    ),
  ),
  'policy.commands.allow': '[make all]',
  'policy.commands.ask': '[make deploy]',
  'policy.commands.deny': '[rm -r @outside]',
  'policy.presets': '[node]',
  'policy.wait': '30m',
  providers: '{gateway: {base_url: http://127.0.0.1:1/v1}}',
  'publish.nats.url': 'tls://nats.test:4222',
  'publish.nats.subject': 'x.{type}',
  'publish.nats.session_subject': 'y.{type}',
  'publish.nats.max_payload': '2048',
  'publish.nats.flush': '2s',
  'budget.usd': '1.5',
  'budget.tokens': '5',
  'budget.wall': '1h30m',
  'budget.unknown_cost': 'allow',
  concurrency: '3',
  'git.sign': 'off',
  'notify.command': 'say hi',
}

const EVERYTHING = `
task: {source: openspec, max_iterations: 3, allow_empty: [T014]}
verify:
  commands:
    - npm test
    - {run: [npm, run, lint], name: lint, timeout: 90s, min_tests: 4, cwd: ./packages/api/}
  required: true
  sandbox: {backend: docker, network: none, cpus: 1.5, memory: 512m, pids: 300, disk: 2g, read: [/opt/tools], write: [~/.cache], hide: [/srv], image: 'node:24', runtime: runsc}
  protected: [checks/**]
workspace: {setup: [npm ci], setup_inputs: [./package-lock.json], copy: [.env], root: /var/tmp/ws}
publish: {nats: {url: 'nats://h:4222', subject: 'x.{run}', session_subject: 'y.{session}', max_payload: 4096, flush: 1s}}
policy: {commands: {allow: [git push origin *], ask: [npm publish], deny: ['> @tmp']}, presets: [node, strict], wait: 30m}
providers:
  gateway: {api: anthropic, base_url: https://models.example.com/, key_env: BELAY_KEY, models: {a/b: {context_window: 4096, max_output: 512, reasoning: true, price: {input: 1, output: 2, cache_read: 0.5}}, c: {}}}
workflow:
  mode: direct
  roles:
    implementer: {model: house, timeout: 1h30m, stall: 2m, access: full, sandbox: {backend: os, hosts: [a.example, '*.b.example:443']}, env: {A: '1', B: null}, command: [./tools/agent.sh, --fast], failover: [claude, {provider: acp, model: m, command: [./tools/acp]}]}
    reviewer: {provider: claude, effort: max, sandbox: os, command: [/opt/claude]}
budget: {usd: 2.5, tokens: 1000, wall: 8h, unknown_cost: allow}
concurrency: 4
git: {sign: off}
notify: {command: notify-send x}
`
