import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Skill } from '../definitions/skills.ts'
import { wireTools } from '../wire.ts'
import { createTools, toolSchema } from './index.ts'
import { call, makeBench, type Bench } from './testing/context.ts'

let bench: Bench
beforeEach(() => {
  bench = makeBench('registry')
})
afterEach(() => bench.remove())

const names = (allow?: readonly string[]): string[] => createTools(allow ? { allow } : {}).map(({ name }) => name)

describe('the registry', () => {
  it('has the core set: bash, read, write, edit, glob, grep, tasks, git', () => {
    expect(names()).toEqual([
      'bash',
      'read',
      'write',
      'edit',
      'glob',
      'grep',
      'git_status',
      'git_diff',
      'git_log',
      'git_commit',
      'task_create',
      'task_update',
      'task_get',
      'task_list',
    ])
  })

  it('keeps to an allow list, in its own order', () => {
    expect(names(['task_*', 'read'])).toEqual(['read', 'task_create', 'task_update', 'task_get', 'task_list'])
    expect(names([])).toEqual([])
    expect(names(['mcp__away__*', 'read'])).toEqual(['read'])
  })

  it('an unknown name is an error that names what was meant', () => {
    expect(() => names(['read', 'Bash'])).toThrow(
      expect.objectContaining({ code: 'unknown_tool', received: 'Bash', next: 'did you mean bash?' }),
    )
    expect(() => names(['xyz*'])).toThrow(expect.objectContaining({ code: 'unknown_tool' }))
  })

  it('two tools of one name are an error', () => {
    const [bash] = createTools()
    if (!bash) throw new Error('bash')
    expect(() => createTools({ more: [bash] })).toThrow(expect.objectContaining({ code: 'tool_name_taken' }))
  })

  it('every tool has a schema that providers take, which refuses what it does not know', () => {
    for (const tool of createTools()) {
      expect(toolSchema(tool)).toMatchObject({ type: 'object', additionalProperties: false })
      expect(tool.input.safeParse({ no_such_key: 1 }).success).toBe(false)
      expect(tool.description.length).toBeGreaterThan(20)
    }
  })

  it('the model gets the same schema as the docs, and none for an input that has no schema', () => {
    const tools = createTools()
    expect(wireTools(tools).map(({ parameters }) => parameters)).toEqual(tools.map(toolSchema))
    const [bash] = tools
    if (!bash) throw new Error('bash')
    const odd = { ...bash, input: z.strictObject({ when: z.date() }) }
    expect(() => toolSchema(odd)).toThrow('Date cannot be represented')
    expect(() => wireTools([odd])).toThrow('Date cannot be represented')
  })

  it('limits of bash are options', () => {
    const [bash] = createTools({ timeoutMs: 5000, maxTimeoutMs: 1000 })
    expect(bash?.input.parse({ command: 'x' })).toMatchObject({ timeout: 1000 })
    expect(bash?.input.safeParse({ command: 'x', timeout: 1001 }).success).toBe(false)
  })
})

describe('skill', () => {
  function skill(name: string, text: string): Skill {
    const folder = join(bench.outside, name)
    mkdirSync(join(folder, 'scripts'), { recursive: true })
    writeFileSync(join(folder, 'SKILL.md'), text)
    writeFileSync(join(folder, 'scripts/run.sh'), '')
    return { name, description: 'd', path: join(folder, 'SKILL.md'), folder, allowedTools: null }
  }
  async function load(skills: readonly Skill[], name: string): Promise<string> {
    const tool = createTools({ skills }).find((one) => one.name === 'skill')
    if (!tool) throw new Error('no skill tool')
    return (await call(tool, { name }, bench.context)).text
  }

  it('loads the body, and names the files beside it', async () => {
    const one = skill('release', '---\r\nname: release\r\n---\r\n# How\n---\nto release')
    expect(await load([one], 'release')).toBe(
      `Skill release, in ${one.folder}\nIts files:\n- scripts/run.sh\n\n# How\n---\nto release`,
    )
  })

  it('says which skills there are', async () => {
    expect(await load([skill('release', 'x')], 'relase')).toContain('did you mean release?')
    expect(await load([skill('release', 'x')], 'other')).toContain('the skills are: release')
  })

  it('does not load what a link puts in its place', async () => {
    const one = skill('sly', 'x')
    writeFileSync(join(bench.root, 'private'), 'private')
    symlinkSync(join(bench.root, 'private'), join(one.folder, 'LINK.md'))
    expect(await load([{ ...one, path: join(one.folder, 'LINK.md') }], 'sly')).toContain('outside of the workspace')
  })
})
