import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BelayError } from '../../core/errors.ts'
import { agentDefinitionNames, loadAgentDefinition, parseAgentDefinition } from './agent.ts'
import { loadMemory } from './memory.ts'
import { placesFor } from './places.ts'
import { loadSkills } from './skills.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'belay-definitions-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(path: string, text: string): string {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

/** A repository whose workspace is two folders down, and a user folder. */
function places() {
  write('repo/.git/HEAD', 'ref: refs/heads/main\n')
  mkdirSync(join(root, 'repo', 'a', 'b'), { recursive: true })
  mkdirSync(join(root, 'user'), { recursive: true })
  return placesFor(join(root, 'repo', 'a', 'b'), join(root, 'user'))
}

async function problem(work: Promise<unknown>): Promise<BelayError> {
  return work.then(
    () => {
      throw new Error('it was accepted')
    },
    (error: unknown) => error as BelayError,
  )
}

describe('places', () => {
  it('are the folders from the root of the repository down, or the workspace alone', () => {
    expect(places().projectFolders).toEqual([join(root, 'repo'), join(root, 'repo', 'a'), join(root, 'repo', 'a', 'b')])
    mkdirSync(join(root, 'bare'))
    // The temporary folder may itself lie in a repository.
    expect(placesFor(join(root, 'bare'), null)).toMatchObject({ userFolder: null })
    expect(placesFor(join(root, 'bare'), null).projectFolders.at(-1)).toBe(join(root, 'bare'))
    expect(placesFor('/', null)).toEqual({ projectFolders: ['/'], userFolder: null })
  })
})

describe('an agent definition', () => {
  const parse = (text: string) => parseAgentDefinition('helper', '/x/helper.md', text)

  it('has every key of the schema', async () => {
    const definition = await parse(
      [
        '---',
        'name: helper',
        'description: helps',
        'model: anthropic/claude-sonnet-5',
        'effort: high',
        'tools: [read, bash]',
        'max_steps: 7',
        'timeout: 2m',
        'budget_usd: 0.5',
        'budget_tokens: 1000',
        'context_window: 32000',
        'access: read-only',
        'sandbox: docker',
        'image: img:1',
        'network: [example.com]',
        'hooks: {before: [{run: ./guard.sh, tools: [bash], timeout: 5s}], after: [{run: ./log.sh}]}',
        '---',
        '',
        'You help.',
      ].join('\n'),
    )
    expect(definition).toEqual({
      name: 'helper',
      path: '/x/helper.md',
      instructions: 'You help.',
      settings: {
        name: 'helper',
        description: 'helps',
        model: 'anthropic/claude-sonnet-5',
        effort: 'high',
        tools: ['read', 'bash'],
        max_steps: 7,
        timeout: 120_000,
        budget_usd: 0.5,
        budget_tokens: 1000,
        context_window: 32_000,
        access: 'read-only',
        sandbox: 'docker',
        image: 'img:1',
        network: ['example.com'],
        hooks: {
          before: [{ run: './guard.sh', tools: ['bash'], timeout: 5000 }],
          after: [{ run: './log.sh', tools: ['*'], timeout: 30_000 }],
        },
      },
    })
  })

  it('may be a text alone, or keys alone', async () => {
    expect(await parse('You help.\n')).toMatchObject({ instructions: 'You help.', settings: { description: '' } })
    expect(await parse('---\nmax_steps: 3\n---\n')).toMatchObject({ instructions: null, settings: { max_steps: 3 } })
    expect((await parse('\uFEFF---\r\nmax_steps: 3\r\n---\r\nHi')).settings.max_steps).toBe(3)
  })

  it('may have merge keys', async () => {
    const lines = ['hooks:', '  before: [&one {run: a, timeout: 7s}]', '  after: [{<<: *one, run: b}]']
    expect((await parse(`---\n${lines.join('\n')}\n---\n`)).settings.hooks).toMatchObject({
      before: [{ run: 'a', timeout: 7000 }],
      after: [{ run: 'b', timeout: 7000 }],
    })
  })

  it.each([
    ['an unknown key', 'max_step: 3', 'there is no key "max_step"; did you mean "max_steps"?'],
    ['a wrong number', 'max_steps: many', 'max_steps: '],
    ['a bare duration', 'timeout: 30', 'timeout: '],
    ['a duration without a unit', 'timeout: "30"', 'a duration with a unit'],
    ['an unknown sandbox', 'sandbox: jail', 'sandbox: '],
    ['another name', 'name: other', 'its name is "other", and its file says "helper"'],
    ['text that is no YAML', 'a: [', 'no YAML'],
    ['a list', '- a', 'has no keys'],
  ])('refuses %s', async (_, line, message) => {
    const error = await problem(parse(`---\n${line}\n---\nHi`))
    expect(error.code).toMatch(/^(agent_definition|frontmatter)_invalid$/)
    expect(error.message).toContain(message)
    expect(error.message).toContain('/x/helper.md')
    expect(error.expected).not.toBeNull()
  })

  it('refuses keys that never end', async () => {
    expect((await problem(parse('---\nmodel: x\n'))).message).toContain('has no end')
  })

  it('is found in the workspace, then the repository, then with the user; unknown names say which there are', async () => {
    const here = places()
    write('user/agents/helper.md', 'user')
    write('user/agents/mine.md', 'user')
    write('repo/.belay/agents/helper.md', 'repository')
    expect((await loadAgentDefinition('helper', here)).instructions).toBe('repository')
    expect((await loadAgentDefinition('mine', here)).instructions).toBe('user')
    write('repo/a/b/.belay/agents/helper.md', 'workspace')
    expect((await loadAgentDefinition('helper', here)).instructions).toBe('workspace')
    expect(await agentDefinitionNames(here)).toEqual(['helper', 'mine'])
    for (const name of ['helpr', '../helper', '/etc/passwd']) {
      const error = await problem(loadAgentDefinition(name, here))
      expect(error).toMatchObject({ code: 'agent_definition_unknown', expected: 'helper, mine', received: name })
    }
    expect((await problem(loadAgentDefinition('helpr', here))).next).toBe('helper')
  })
})

describe('AGENTS.md', () => {
  it('is read from the user’s folder, then from the root down', async () => {
    const here = places()
    write('user/AGENTS.md', 'of the user')
    write('repo/AGENTS.md', 'of the repository')
    write('repo/a/b/AGENTS.md', 'of the workspace\n')
    write('AGENTS.md', 'above the repository')
    const { files, problems } = await loadMemory(here)
    expect(files.map(({ text }) => text)).toEqual(['of the user', 'of the repository', 'of the workspace'])
    expect(problems).toEqual([])
  })

  it('is not taken from outside by a link, and is cut when it is huge', async () => {
    const here = places()
    write('secret.txt', 'a key')
    symlinkSync(join(root, 'secret.txt'), join(root, 'repo', 'AGENTS.md'))
    write('repo/a/AGENTS.md', 'x'.repeat(60_000))
    write('repo/a/b/AGENTS.md', 'x'.repeat(2_000_000))
    const { files, problems } = await loadMemory(here)
    expect(files).toHaveLength(1)
    expect(files[0]?.text.length).toBeLessThan(50_000)
    expect(files[0]?.text).toContain('characters left out')
    expect(problems).toEqual([expect.stringContaining('leads out of'), expect.stringContaining('larger than')])
  })

  it('is never what a link leads to that takes its place while it is read', async () => {
    const here = places()
    write('secret.txt', 'a key')
    const file = join(root, 'repo', 'AGENTS.md')
    const work = { over: false }
    const swapping = (async () => {
      for (let n = 0; !work.over; n++) {
        write('next', 'ours')
        if (n % 2 === 1) {
          rmSync(join(root, 'next'))
          symlinkSync(join(root, 'secret.txt'), join(root, 'next'))
        }
        renameSync(join(root, 'next'), file)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    const seen = new Set<string>()
    for (let n = 0; n < 300; n++) for (const { text } of (await loadMemory(here)).files) seen.add(text)
    work.over = true
    await swapping
    expect([...seen]).toEqual(['ours'])
  })

  it('that is a pipe is not waited for', async () => {
    const here = places()
    mkdirSync(join(root, 'repo'), { recursive: true })
    execFileSync('mkfifo', [join(root, 'repo', 'AGENTS.md')])
    expect(await loadMemory(here)).toEqual({ files: [], problems: [expect.stringContaining('is no file')] })
  })

  it('may be a link within the repository', async () => {
    const here = places()
    write('repo/docs/agents.md', 'linked')
    symlinkSync(join(root, 'repo', 'docs', 'agents.md'), join(root, 'repo', 'AGENTS.md'))
    expect((await loadMemory(here)).files.map(({ text }) => text)).toEqual(['linked'])
  })
})

describe('skills', () => {
  const skill = (more = '', body = 'Secret steps.'): string => `---\ndescription: does\n  things\n${more}---\n${body}\n`

  it('are named with description, path and tools; a later source replaces an earlier one', async () => {
    const here = places()
    write('user/skills/shared/SKILL.md', skill())
    write(
      'user/skills/own/SKILL.md',
      skill('name: own\nallowed-tools: Read, Bash(git add:*) Bash(npm run test, lint)\nlicense: MIT\ntriggers: [x]\n'),
    )
    write('repo/.claude/skills/shared/SKILL.md', skill('allowed-tools: [read]\n'))
    write('repo/.belay/skills/ours/SKILL.md', skill())
    write('repo/a/b/.belay/skills/near/SKILL.md', skill())
    const { skills, problems } = await loadSkills(here)
    expect(problems).toEqual([])
    expect(skills).toEqual([
      expect.objectContaining({ name: 'near', path: join(root, 'repo/a/b/.belay/skills/near/SKILL.md') }),
      expect.objectContaining({ name: 'ours', description: 'does things', allowedTools: null }),
      expect.objectContaining({
        name: 'own',
        allowedTools: ['Read', 'Bash(git add:*)', 'Bash(npm run test, lint)'],
        folder: join(root, 'user/skills/own'),
      }),
      expect.objectContaining({
        name: 'shared',
        allowedTools: ['read'],
        path: join(root, 'repo/.claude/skills/shared/SKILL.md'),
      }),
    ])
    expect(JSON.stringify(skills)).not.toContain('Secret steps')
  })

  it('that cannot be used are left out, and say why', async () => {
    const here = places()
    write('outside/SKILL.md', skill())
    mkdirSync(join(root, 'repo/.belay/skills'), { recursive: true })
    symlinkSync(join(root, 'outside'), join(root, 'repo/.belay/skills/linked'))
    write('repo/.belay/skills/nameless/SKILL.md', skill('name: other\n'))
    write('repo/.belay/skills/silent/SKILL.md', 'no description')
    write('repo/.belay/skills/torn/SKILL.md', '---\ndescription: x\n')
    write('repo/.belay/skills/empty/README.md', 'no skill')
    const { skills, problems } = await loadSkills(here)
    expect(skills).toEqual([])
    expect(problems).toEqual([
      expect.stringContaining('leads out of'),
      expect.stringContaining('is named "other"'),
      expect.stringContaining('has no description'),
      expect.stringContaining('has no end'),
    ])
  })
})
