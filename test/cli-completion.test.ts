import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands/index.ts'
import { toldWorld } from './support/told-world.ts'
import type { World } from './support/world.ts'

let world: World
let run: string
let question: string
beforeAll(async () => {
  world = await toldWorld()
  run = (await world.json<{ run: { id: string } }>(['status'])).run.id
  const shown = await world.json<{ task: { checkpoints: { id: string }[] } }>(['show', 'T004'])
  question = shown.task.checkpoints[0]?.id ?? ''
  const bin = join(world.dir, 'bin')
  const built = fileURLToPath(new URL('support/built.mjs', import.meta.url))
  mkdirSync(bin)
  writeFileSync(join(bin, 'belay'), `#!/bin/sh\nexec '${process.execPath}' '${built}' "$@"\n`)
  chmodSync(join(bin, 'belay'), 0o755)
  world.env['PATH'] = `${bin}:${world.env['PATH']}`
})
afterAll(() => world.dispose())

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
    expect((await world.belay(['completion', '--list', 'sessions'], { cwd: world.dir })).stdout).toBe('')
    await world.belay(['chat', '--agent', 'command', '--session', 'talk'], { input: '/clear\n' })
    expect((await world.belay(['completion', '--list', 'sessions'], { cwd: world.dir })).stdout).toBe(
      'talk\t0 turns,\n',
    )
  })

  it('fails quietly enough for a script outside of a repository', async () => {
    expect(await world.belay(['completion', '--list', 'tasks'], { cwd: world.dir })).toMatchObject({
      code: 2,
      stdout: '',
    })
  })
})
