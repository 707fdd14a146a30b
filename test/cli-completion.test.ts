import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands/index.ts'
import { ENTER, noTerminal, useStage } from './support/stage.ts'
import { outcomesWorld } from './support/outcomes-world.ts'
import type { World } from './support/world.ts'

let world: World
let run: string
let question: string
beforeAll(async () => {
  world = await outcomesWorld()
  run = (await world.json<{ run: { id: string } }>(['status'])).run.id
  const shown = await world.json<{ task: { checkpoints: { id: string }[] } }>(['show', 'T004'])
  question = shown.task.checkpoints[0]?.id ?? ''
  const bin = join(world.dir, 'bin')
  const built = fileURLToPath(new URL('support/built.cjs', import.meta.url))
  mkdirSync(bin)
  await world.belay(['chat', '--agent', 'command', '--session', 'talk'], { input: '/clear\n' })
  world.files({
    '.belay/agents/reader.md': '---\ndescription: reads\n---\n',
    '.belay/agents/a b.md': '',
    '.belay/agents/$(touch pwned).md': '',
    '.belay/workflows/release.yaml': 'id: release\n',
  })
  writeFileSync(join(bin, 'belay'), `#!/bin/sh\nexec '${process.execPath}' '${built}' "$@"\n`)
  chmodSync(join(bin, 'belay'), 0o755)
  world.env['PATH'] = `${bin}:${world.env['PATH']}`
})
afterAll(() => world.dispose())

/** Where a task that is reviewed, and waits for a person, can begin again. */
const PHASES = ['prepare', 'baseline', 'implement', 'verify', 'review']

/** How each shell is asked what it would offer for the words of a command line, of which the last is being typed. */
const SHELLS: Readonly<
  Record<string, { readonly argv: readonly string[]; readonly ask: (words: readonly string[]) => string }>
> = {
  bash: {
    argv: ['bash', '--norc', '--noprofile', '-c'],
    ask: (words) =>
      `source <(belay completion bash); COMP_WORDS=(${words.map(quote).join(' ')}); COMP_CWORD=${words.length - 1}; _belay; printf '%s\\n' "\${COMPREPLY[@]}"`,
  },
  zsh: {
    argv: ['zsh', '-f', '-c'],
    ask: (words) =>
      `compdef() { :; }; _describe() { print -l -- "\${(@P)2%%:*}"; }; _files() { print -l -- *(N); }; source <(belay completion zsh); words=(${words.map(quote).join(' ')}); CURRENT=${words.length}; _belay || true`,
  },
  fish: {
    argv: ['fish', '--no-config', '-c'],
    ask: (words) => `belay completion fish | source; complete -C ${quote(words.join(' '))}`,
  },
}

function quote(text: string): string {
  return `'${text}'`
}

describe.each(Object.entries(SHELLS))('completion in %s', (shell, { argv, ask }) => {
  const missing = spawnSync(argv[0] ?? '', ['--version']).error !== undefined
  if (missing && process.env['CI']) throw new Error(`${shell} is needed in CI`)
  // oxlint-disable-next-line no-console -- a skipped test has to say why
  if (missing) console.warn(`skipped: ${shell} is not installed`)

  function offers(...words: string[]): string[] {
    const [program = '', ...args] = argv
    const typed = words.at(-1) ?? ''
    const printed = execFileSync(program, [...args, ask(['belay', ...words])], {
      cwd: world.repo,
      env: world.env,
      encoding: 'utf8',
    })
    const all = printed.split('\n').map((line) => line.split('\t', 1)[0] ?? '')
    return all.filter((word) => word !== '' && word.startsWith(typed)).sort()
  }

  it.skipIf(missing)('offers commands, also below a command', () => {
    expect(offers('')).toEqual(COMMANDS.map(({ name }) => name).sort())
    expect(offers('st')).toEqual(['status'])
    expect(offers('agents', '')).toEqual(['list', 'probe'])
  })

  it.skipIf(missing)('offers the flags of a command, also after other words', () => {
    expect(offers('status', '-')).toEqual(['--help', '--json', '-h'])
    expect(offers('run', 'Fix the crash', '--max')).toEqual(['--max-iterations'])
    expect(offers('agents', 'probe', '--j')).toEqual(['--json'])
  })

  it.skipIf(missing)('offers tasks, runs and open questions', () => {
    expect(offers('show', '')).toEqual(['T001', 'T002', 'T003', 'T004'])
    expect(offers('logs', '--follow', '')).toEqual(['T001', 'T002', 'T003', 'T004'])
    expect(offers('events', '--task', 'T00')).toEqual(['T001', 'T002', 'T003', 'T004'])
    expect(offers('status', '')).toEqual([run])
    expect(offers('events', '--run', '')).toEqual([run])
    expect(offers('answer', '')).toEqual([question])
    expect(offers('show', 'T001', '')).toEqual([])
  })

  it.skipIf(missing)('offers the values of a flag and of an argument', () => {
    expect(offers('logs', 'T001', '--role', 're')).toEqual(['reviewer'])
    expect(offers('completion', '')).toEqual(['bash', 'fish', 'zsh'])
  })

  it.skipIf(missing)(
    'offers agents, sandboxes, programs, efforts of the agent that is named, and what was configured',
    () => {
      expect(offers('exec', '--agent', 'cl')).toEqual(['claude', 'claude-acp'])
      expect(offers('run', '--implementer', 'pi')).toEqual(['pi'])
      expect(offers('run', 'x', '--reviewer', 'engi')).toEqual(['engine'])
      expect(offers('chat', '--sandbox', '')).toEqual(['docker', 'e2b', 'host', 'os'])
      expect(offers('chat', '--network', '')).toEqual(['full', 'none'])
      expect(offers('exec', '--effort', 'x')).toEqual(['xhigh'])
      expect(offers('exec', '--agent', 'claude', '--effort', '')).toEqual(['high', 'low', 'max', 'medium', 'xhigh'])
      expect(offers('exec', '--agent', 'gemini', '--effort', '')).toEqual([])
      expect(offers('exec', '--agent', 'engine', '--model', 'anthr')).toEqual(['anthropic/'])
      expect(offers('program', 'show', '')).toEqual(['batch', 'direct', 'workflow'])
      expect(offers('agents', 'probe', 'codex')).toEqual(['codex', 'codex-acp'])
      expect(offers('run', '--feature', '')).toEqual(['001-answer'])
      expect(offers('run', '--into', 'ma')).toEqual(['main'])
      expect(offers('workflow', 'show', 'rel')).toEqual(['release'])
      expect(offers('workflow', 'run', 'sp').map((name) => name.replace(/\/$/, ''))).toEqual(['specs'])
    },
  )

  it.skipIf(missing)('offers where a task can begin again, and what may be answered', () => {
    expect(offers('retry', 'T004', '--from', '')).toEqual(PHASES.toSorted())
    // Nothing of it was proven yet.
    expect(offers('retry', 'T002', '--from', 're')).toEqual([])
    expect(offers('answer', question, '')).toEqual(['approve', 'block', 'rework'])
  })

  it.skipIf(missing)('offers sessions wherever one is named', () => {
    for (const sub of ['show', 'info', 'resume', 'delete', 'unlock', 'merge', 'export'])
      expect(offers('session', sub, 'ta')).toEqual(['talk'])
    expect(offers('chat', '--session', '')).toEqual(['talk'])
  })

  it.skipIf(missing)('never lets the shell look into a name', () => {
    const offered = offers('exec', '--definition', '')
    expect(offered.map((name) => name.replaceAll('\\', ''))).toEqual(['$(touch pwned)', 'a b', 'reader'])
    expect(existsSync(join(world.repo, 'pwned'))).toBe(false)
  })

  it.skipIf(missing)('offers files for what belay run works on', () => {
    expect(offers('run', 'sp').map((name) => name.replace(/\/$/, ''))).toEqual(['specs'])
    expect(offers('run', '--prompt', '')).toEqual([])
  })
})

describe('belay completion --list', () => {
  it('prints names with what they are, cleaned', async () => {
    const { stdout } = await world.belay(['completion', '--list', 'tasks'])
    expect(stdout.split('\n')[1]).toBe('T002\tblocked, Use the key')
    expect((await world.belay(['completion', '--list', 'runs'])).stdout).toBe(`${run}\twaiting, 001-answer\n`)
    expect((await world.belay(['completion', '--list', 'checkpoints'])).stdout).toMatch(
      /^cp-\w+\tT004: The change is proven/,
    )
  })

  it('knows sessions, also outside of a repository', async () => {
    expect((await world.belay(['completion', '--list', 'sessions'], { cwd: world.dir })).stdout).toBe('talk\t0 turns\n')
  })

  it('fails quietly enough for a script outside of a repository', async () => {
    expect(await world.belay(['completion', '--list', 'tasks'], { cwd: world.dir })).toMatchObject({
      code: 2,
      stdout: '',
    })
  })
})

describe.skipIf(noTerminal)('completion at the key itself', () => {
  const stage = useStage()

  /** Types at a shell's prompt. */
  async function typed(argv: readonly string[], begin: readonly string[], keys: string, shown: string): Promise<void> {
    const tty = stage.open([], {
      program: argv,
      env: { ...world.env, PS1: '$ ' },
      cwd: world.repo,
      patienceMs: 120_000,
    })
    await tty.until((lines) => lines.at(-1) === '$')
    for (const line of begin) {
      tty.type(`${line}${ENTER}`)
      await tty.until((lines) => lines.at(-1) === '$' && lines.some((one) => one.includes(line)))
    }
    tty.type(keys)
    await tty.until((lines) => lines.at(-1) === shown)
  }

  const BASH = ['bash', '--norc', '--noprofile', '-i']
  it.each([
    ['belay exec --agent cod\t', 'as far as all go', '$ belay exec --agent codex'],
    ['belay exec --agent=gem\t', 'behind =', '$ belay exec --agent=gemini'],
    ['belay exec --definition a\t', 'quoted', String.raw`$ belay exec --definition a\ b`],
    ['belay exec --model openai-ch\t', 'to be gone on with', '$ belay exec --model openai-chat/'],
  ])('bash: %j %s', async (keys, _, shown) => {
    await typed(BASH, ['source <(belay completion bash)'], keys, shown)
  })

  const noZsh = spawnSync('zsh', ['--version']).error !== undefined && process.env['CI'] !== 'true'
  it.skipIf(noZsh).each([
    ['belay exec --agent=gem\t', '$ belay exec --agent=gemini'],
    ['belay session show ta\t', '$ belay session show talk'],
    ['belay workflow show rel\t', '$ belay workflow show release'],
  ])('zsh: %j', async (keys, shown) => {
    const begin = [
      `autoload -Uz compinit; compinit -u -d ${join(world.dir, 'zcompdump')}`,
      'source <(belay completion zsh)',
    ]
    await typed(['zsh', '-f', '-i'], begin, keys, shown)
  })
})
