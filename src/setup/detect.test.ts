import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../config/index.ts'
import { detectProject, type Detected } from './detect.ts'
import { proposeConfig } from './proposal.ts'
import { CASES, IGNORED, pkg } from './testing/cases.ts'
import { envWith, project, put, removeProjects } from './testing/project.ts'

removeProjects()

function shown(commands: Detected['gates']): string[] {
  return commands.map(({ run, cwd }) => (cwd === null ? run : `${cwd}: ${run}`))
}

describe.each(CASES)('$name', ({ files, programs = [], languages, gates, setup, inputs, notes = [] }) => {
  it('is found, and its proposal loads', async () => {
    const root = project({ '.gitignore': IGNORED, ...files })
    const env = envWith(...programs, 'claude', 'codex')
    const detected = await detectProject(root, { env })
    expect(detected.languages).toEqual(languages)
    expect(shown(detected.gates)).toEqual(gates)
    expect(shown(detected.setup)).toEqual(setup)
    expect(detected.setupInputs).toEqual(inputs)
    expect(detected.notes).toHaveLength(notes.length)
    for (const [i, note] of notes.entries()) expect(detected.notes[i]).toContain(note)

    const { text, config } = proposeConfig(detected)
    expect(parse(text)).toEqual(config)
    expectExplained(text)
    writeFileSync(join(root, 'belay.yaml'), text)
    const loaded = await loadConfig({ root, env })
    expect(loaded.warnings).toEqual([])
    expect(loaded.config.verify.gates.map(({ run, cwd }) => (cwd === null ? run : `${cwd}: ${String(run)}`))).toEqual(
      gates,
    )
    expect(loaded.config.workspace.setup).toHaveLength(setup.length)
    expect(loaded.config.workflow.roles).toMatchObject({
      implementer: { provider: 'claude' },
      reviewer: { provider: 'codex' },
    })
  })
})

/** Expects a comment beside or above every line with a key or an item (items without one share their list's). */
function expectExplained(text: string): void {
  const lines = text.split('\n').filter((line) => line !== '')
  let explained = false
  for (const line of lines) {
    if (line.trimStart().startsWith('#')) explained = true
    else if (line.trimStart().startsWith('- ')) expect(explained || / # /.test(line), line).toBe(true)
    else {
      expect(explained || / # /.test(line), line).toBe(true)
      explained = line.endsWith(':')
    }
  }
}

describe('what else a project has', () => {
  it('copies ignored files that a project needs, and no examples or foreign folders', async () => {
    const root = project({
      '.gitignore': '.env*\n!.env.example\nnode_modules/\nconfig/master.key\n*.log\n',
      '.env.example': '',
      'apps/web/index.js': '',
      'config/routes.rb': '',
    })
    put(root, {
      '.env': 'A=1',
      '.env.local': '',
      '.env.sample': '',
      'apps/web/.env': '',
      'config/master.key': '',
      'debug.log': '',
      'node_modules/x/.env': '',
    })
    const { copy } = await detectProject(root, { env: envWith() })
    expect(copy).toEqual(['.env', '.env.local', 'apps/web/.env', 'config/master.key'])
  })

  it('sees which agents are there and who does what', async () => {
    const root = project({})
    const roles = async (...programs: string[]): Promise<unknown> =>
      proposeConfig(await detectProject(root, { env: envWith(...programs) })).config.workflow?.roles
    expect(await roles('codex')).toEqual({ implementer: { provider: 'codex' }, reviewer: { provider: 'codex' } })
    expect(await roles('codex', 'claude')).toEqual({
      implementer: { provider: 'claude' },
      reviewer: { provider: 'codex' },
    })
    expect(await roles()).toEqual({ implementer: { provider: 'codex' }, reviewer: { provider: 'codex' } })
  })

  it('names the source when only OpenSpec is there', async () => {
    const env = envWith()
    const openspec = await detectProject(project({ 'openspec/changes/a/tasks.md': '' }), { env })
    expect(proposeConfig(openspec).config.task).toEqual({ source: 'openspec' })
    const both = await detectProject(project({ 'openspec/changes/a/tasks.md': '', 'specs/a/tasks.md': '' }), { env })
    expect(proposeConfig(both).config.task).toBeUndefined()
  })

  it('stays quick and quiet outside git and with hostile names', async () => {
    const root = project({ 'a #b: [/package.json': pkg({ scripts: { test: 'x' } }), 'a #b: [/x\n- y.test.js': '' })
    const env = envWith('npm')
    const detected = await detectProject(root, { env })
    const { text, config } = proposeConfig(detected)
    expect(parse(text)).toEqual(config)
    expect((await loadConfig({ root, env, proposal: () => Promise.resolve(text) })).config.verify.gates[0]?.cwd).toBe(
      'a #b: [',
    )
  })
})
