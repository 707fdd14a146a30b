import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { memoryFiles } from './testing/memory-files.ts'
import { openOpenSpec } from './openspec.ts'
import { readOpenSpecTasks } from './openspec-tasks.ts'

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
const DIR = 'openspec/changes/add-export'
const change = (tasks: string, more: Record<string, string> = {}) =>
  memoryFiles({ [`${DIR}/proposal.md`]: '# Why\n', [`${DIR}/tasks.md`]: tasks, ...more })

describe('readOpenSpecTasks', () => {
  it('reads numbered tasks, and what is below them as criteria', () => {
    const { tasks, problems, warnings } = readOpenSpecTasks(fixture('openspec-plain.md'))
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] })
    expect(tasks.map(({ handle, title, done }) => [handle, title, done])).toEqual([
      ['1.1', 'Create the module and verify that it builds', true],
      ['1.2', 'Add the dependency', false],
      ['2.1', 'Implement the export and verify that its test passes', false],
      ['2.2', 'Format as CSV', false],
    ])
    expect(tasks[2]?.criteria).toEqual([
      'Implement the export and verify that its test passes',
      '2.1.1 Quote fields',
      '2.1.2 Escape quotes',
      'Covers empty rows',
    ])
  })

  it('gives every other task its place as a name', () => {
    const { tasks, problems, warnings } = readOpenSpecTasks(fixture('openspec-rough.md'))
    expect(problems).toEqual([])
    expect(tasks.map(({ handle, title, done }) => [handle, title, done])).toEqual([
      ['task-1', 'Prepare the ground', false],
      ['task-2', '3 retries are enough', false],
      ['1.1', 'Keep the number', false],
      ['1.2', 'Bold as a whole', true],
      ['1.3', 'Half done', false],
      ['1.4', 'In an ordered list', false],
      ['task-7', 'The number again', false],
      ['2', 'One number only', false],
      ['task-9', 'A bold title', false],
      ['task-10', 'Tell the team', false],
      ['task-11', 'Tell the team', false],
    ])
    expect(warnings.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '10: the box of 1.3 is "~", read as not done',
      '12: number 1.1 is used twice (first in line 8); this task is called task-7',
    ])
  })

  it('takes a wrongly indented number for a task, and steps not', () => {
    const text =
      '- [ ] 1.1 a\n  - [ ] 1.2 b\n  - [ ] 1.1.1 step of 1.1? no, it stands below 1.2\n- [ ] Setup\n  - [ ] 2.1 step\n'
    expect(readOpenSpecTasks(text).tasks.map((task) => task.handle)).toEqual(['1.1', '1.2', 'task-3'])
  })
})

describe('openOpenSpec', () => {
  it('makes tasks in file order with subjects that name the change', async () => {
    const source = await openOpenSpec(DIR, change(fixture('openspec-plain.md')))
    expect(source.tasks.map(({ handle, dependsOn, subject }) => ({ handle, dependsOn, subject }))).toEqual([
      { handle: '1.1', dependsOn: [], subject: 'Task add-export/1.1: Create the module and verify that it builds' },
      {
        handle: '1.2',
        dependsOn: [{ handle: '1.1', kind: 'order' }],
        subject: 'Task add-export/1.2: Add the dependency',
      },
      {
        handle: '2.1',
        dependsOn: [{ handle: '1.2', kind: 'order' }],
        subject: 'Task add-export/2.1: Implement the export and verify that its test passes',
      },
      { handle: '2.2', dependsOn: [{ handle: '2.1', kind: 'order' }], subject: 'Task add-export/2.2: Format as CSV' },
    ])
    expect(source).toMatchObject({
      kind: 'openspec',
      feature: 'add-export',
      owned: [`${DIR}/proposal.md`, `${DIR}/design.md`, `${DIR}/tasks.md`, `${DIR}/specs/`],
      warnings: [`${DIR}: no text under specs/`],
    })
  })

  it('resolves handles first, then places', async () => {
    const source = await openOpenSpec(DIR, change(fixture('openspec-rough.md')))
    expect(
      ['1.2', '2', '1', 'task-10', '11', '12', '0', 'toString', '__proto__'].map((s) => source.resolve(s)),
    ).toEqual(['1.2', '2', 'task-1', 'task-10', 'task-11', null, null, null, null])
  })

  it('shows the documents, each spec file by name, and the progress', async () => {
    const files = change(fixture('openspec-plain.md'), {
      [`${DIR}/design.md`]: 'the design',
      [`${DIR}/specs/export/spec.md`]: 'the export',
      [`${DIR}/specs/core/csv/spec.md`]: 'the csv',
      [`${DIR}/specs/empty/spec.md`]: ' \n',
      [`${DIR}/specs/export/picture.png`]: 'x',
    })
    const source = await openOpenSpec(DIR, files)
    expect(source.warnings).toEqual([])
    const { sections } = source.implementPrompt('2.1')
    expect(sections.map((section) => section.title)).toEqual([
      'Change',
      'Apply Progress',
      'Current Task',
      'Task Group',
      'Proposal',
      'Design',
      'Specs: specs/core/csv/spec.md',
      'Specs: specs/export/spec.md',
      'Tasks',
    ])
    const content = new Map(sections.map((section) => [section.title, section.content]))
    expect(content.get('Apply Progress')).toBe('1/4')
    expect(content.get('Task Group')).toBe('2. Core')
    expect(content.get('Current Task')).toBe(
      '- [ ] 2.1 Implement the export and verify that its test passes\n  - [ ] 2.1.1 Quote fields\n  - [x] 2.1.2 Escape quotes\n  - Covers empty rows',
    )
    expect(content.get('Specs: specs/export/spec.md')).toBe('the export')
    expect(source.implementPrompt('2.1').instructions.join('\n')).toContain(`${DIR}/design.md`)
    expect(source.reviewPrompt('2.1').sections).toEqual(sections)
  })

  it('needs neither design nor specs when the change says so', async () => {
    const source = await openOpenSpec(DIR, change('- [ ] 1.1 a\n', { [`${DIR}/.openspec.yaml`]: 'skip_specs: true\n' }))
    expect(source.warnings).toEqual([])
    expect(source.implementPrompt('1.1').sections.map((s) => s.title)).not.toContain('Design')
  })

  it('says which documents are missing', async () => {
    await expect(openOpenSpec(DIR, memoryFiles({ [`${DIR}/tasks.md`]: '- [ ] 1.1 a' }))).rejects.toMatchObject({
      code: 'source_incomplete',
      exit: 2,
      message: expect.stringContaining('proposal.md') as string,
    })
  })

  it('refuses an empty list, and says where its boxes are', async () => {
    await expect(openOpenSpec(DIR, change('# Tasks\n\n```md\n- [ ] 1.1 a\n```\n'))).rejects.toMatchObject({
      code: 'source_empty',
      received: 'boxes only inside code or comments (line 4)',
    })
  })
})

describe('ticks', () => {
  const tick = async (text: string, handle: string, later = text) => {
    const source = await openOpenSpec(DIR, change(text))
    const edit = source.tick(handle)
    expect(edit?.path).toBe(`${DIR}/tasks.md`)
    return edit?.apply(later)
  }

  it('changes boxes only, and those of the steps below', async () => {
    const text = fixture('openspec-plain.md').replaceAll('\n', '\r\n')
    const expected = text.replace('- [ ] 2.1 ', '- [x] 2.1 ').replace('- [ ] 2.1.1', '- [x] 2.1.1')
    expect(await tick(text, '2.1')).toBe(expected)
    expect(await tick(text, '2.1', expected)).toBe(expected)
  })

  it('finds a numbered task wherever it went', async () => {
    const text = '- [ ] 1.1 a\n- [ ] 1.2 b\n'
    expect(await tick(text, '1.2', '- [ ] 1.0 new\n\n- [ ] 1.2 b, reworded\n- [ ] 1.1 a\n')).toBe(
      '- [ ] 1.0 new\n\n- [x] 1.2 b, reworded\n- [ ] 1.1 a\n',
    )
    expect(await tick(text, '1.2', '- [ ] 1.1 a\n')).toBeNull()
  })

  it('finds a task without number by its text, and among equals by position', async () => {
    const text = '- [ ] same\n- [ ] other\n- [ ] same\n'
    expect(await tick(text, 'task-3')).toBe('- [ ] same\n- [ ] other\n- [x] same\n')
    expect(await tick(text, 'task-2', `- [ ] new\n${text}`)).toBe('- [ ] new\n- [ ] same\n- [x] other\n- [ ] same\n')
    expect(await tick(text, 'task-1', '- [x] same\n- [ ] other\n- [ ] same\n')).toBe(
      '- [x] same\n- [ ] other\n- [ ] same\n',
    )
    expect(await tick(text, 'task-2', '- [ ] same\n')).toBeNull()
  })

  it('keeps two tasks of the same number apart', async () => {
    const text = '- [ ] 1.1 a\n- [ ] 1.1 b\n'
    expect(await tick(text, 'task-2')).toBe('- [ ] 1.1 a\n- [x] 1.1 b\n')
    expect(await tick(text, '1.1')).toBe('- [x] 1.1 a\n- [ ] 1.1 b\n')
  })
})
