import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands/index.ts'
import { World, type Result } from './support/world.ts'

let world: World
let nowhere: string
beforeAll(() => {
  world = new World()
  nowhere = mkdtempSync(join(tmpdir(), 'belay-nowhere-'))
})
afterAll(() => {
  world.dispose()
  rmSync(nowhere, { recursive: true, force: true })
})

/** Outside of any repository, where help has to work and everything else has to say so. */
function belay(...args: string[]): Promise<Result> {
  return world.belay(args, { cwd: nowhere })
}

describe('help', () => {
  it.each([[[]], [['--help']], [['-h']], [['help']]])('belay %j lists every command with examples', async (args) => {
    const { code, stdout, stderr } = await belay(...args)
    expect([code, stderr]).toEqual([0, ''])
    for (const { name, summary } of COMMANDS)
      expect(stdout).toMatch(new RegExp(`^  ${name} +${escape(summary.slice(0, 20))}`, 'm'))
    expect(stdout).toContain('Examples:\n  belay demo')
  })

  it.each(COMMANDS.map(({ name }) => [name]))('belay %s --help works anywhere, and has examples', async (name) => {
    const { code, stdout, stderr } = await belay(name, '--help')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`Usage: belay ${name} `)
    expect(stdout).toMatch(new RegExp(`Examples:\\n.*belay ${name}`))
    expect((await belay('help', name)).stdout).toBe(stdout)
  })

  it('reaches the commands below a command', async () => {
    const { code, stdout } = await belay('help', 'agents', 'probe')
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: belay agents probe ')
    expect((await belay('agents', 'probe', '-h')).stdout).toBe(stdout)
  })

  it('prints the version', async () => {
    for (const flag of ['--version', '-V']) expect((await belay(flag)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('what was mistyped', () => {
  it.each([
    ['a command', ['stauts'], 'there is no command "stauts"', 'belay status --help'],
    ['a command for help', ['help', 'rnu'], 'there is no command "rnu"', 'belay run --help'],
    [
      'a command below a command',
      ['agents', 'lst'],
      'there is no command "belay agents lst"',
      'belay agents list --help',
    ],
    [
      'a flag',
      ['run', '--max-iteration', '3'],
      'belay run has no option --max-iteration',
      'did you mean --max-iterations?',
    ],
    [
      'a flag below a command',
      ['agents', 'probe', '--jsn'],
      'belay agents probe has no option --jsn',
      'did you mean --json?',
    ],
    ['a flag of belay itself', ['--versoin'], 'belay has no option --versoin', 'did you mean --version?'],
    ['an argument that is missing', ['show'], 'belay show needs TASK', 'belay show --help'],
    [
      'a value that is missing',
      ['events', '--from'],
      "belay events: option '--from <seq>' argument missing",
      'belay events --help',
    ],
    ['a value that is no choice', ['logs', 'T001', '--role', 'boss'], "'boss' is invalid", 'belay logs --help'],
    ['a number', ['events', '--from', '0'], '--from takes a whole number from 1', null],
    [
      'one argument too many',
      ['status', 'a', 'b'],
      'belay status takes one argument',
      'put quotes around text with spaces',
    ],
    ['any argument', ['demo', 'a'], 'belay demo takes no argument', 'belay demo --help'],
    ['no command below a command', ['program'], 'belay program needs a command', 'belay program --help'],
    ['a program', ['program', 'show', 'dierct'], 'there is no program "dierct"', 'belay program show direct'],
    ['an agent', ['agents', 'probe', 'codx'], 'there is no agent "codx"', 'belay agents probe codex'],
    ['a shell', ['completion', 'fihs'], "'fihs' is invalid", 'belay completion --help'],
    ['no shell', ['completion'], 'belay completion needs a shell', 'belay completion --help'],
  ])('%s: exit 2 with what is near', async (_, args, message, next) => {
    const { code, stdout, stderr } = await belay(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    if (next !== null) expect(stderr).toContain(next)
  })

  it('is JSON on stdout with --json, which may also stand first', async () => {
    for (const args of [
      ['stauts', '--json'],
      ['--json', 'stauts'],
    ]) {
      const { code, stdout, stderr } = await belay(...args)
      expect([code, stderr]).toEqual([2, ''])
      expect(JSON.parse(stdout)).toEqual({
        error: {
          code: 'usage',
          message: 'there is no command "stauts"',
          expected: COMMANDS.map(({ name }) => name).join(', '),
          received: 'stauts',
          next: 'belay status --help',
        },
      })
    }
  })

  it('is not read as JSON after --', async () => {
    const { stdout, stderr } = await belay('show', '--', '--json')
    expect(stdout).toBe('')
    expect(stderr).toContain('no_repository')
  })
})

describe('outside of a repository', () => {
  it.each([
    ['status'],
    ['show', 'T001'],
    ['events'],
    ['logs', 'T001'],
    ['diff', 'T001'],
    ['run', 'Fix the crash'],
    ['resume'],
    ['init'],
  ])('belay %s says so, exit 2', async (...args) => {
    const { code, stdout } = await belay('--json', ...args)
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'no_repository', next: 'git init' } })
  })
})

describe('without any run', () => {
  beforeAll(() => world.config().commit())

  it('belay status says how to begin, exit 0', async () => {
    const { code, stdout } = await world.belay(['status'])
    expect([code, stdout]).toEqual([0, 'No run has been made in this repository yet. Begin with: belay run\n'])
    expect(await world.json(['status'])).toEqual({ run: null, tasks: [] })
  })

  it('what names a task or run says that there is none', async () => {
    for (const args of [
      ['show', 'T001'],
      ['logs', 'T001'],
      ['diff', 'T001'],
      ['status', 'nope'],
    ]) {
      const { code, stderr } = await world.belay(args)
      expect(code).toBe(2)
      expect(stderr).toContain('no run has been made in this repository yet')
    }
  })

  it('belay events prints nothing, belay resume has nothing to do', async () => {
    expect(await world.belay(['events', '--json'])).toMatchObject({ code: 0, stdout: '' })
    expect(await world.belay(['resume'])).toMatchObject({ code: 0 })
  })
})

describe('belay init and belay doctor', () => {
  it('are wired to the repository and to all agents', async () => {
    const project = new World()
    try {
      project.files({ 'package.json': '{"name":"x","scripts":{"test":"node --test"}}' }).commit()
      expect(await project.belay(['init', '--yes'])).toMatchObject({
        code: 0,
        stdout: `wrote ${project.repo}/belay.yaml\n`,
      })
      expect(project.read('belay.yaml')).toContain('npm test')
      const { checks } = await project.json<{ checks: { name: string }[] }>(['doctor'])
      expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining([expect.stringContaining('implementer')]))
    } finally {
      project.dispose()
    }
  })
})

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
