import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryFiles } from './testing/memory-files.ts'
import { openSpecKit } from './spec-kit.ts'

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')
const DIR = 'specs/001-reading list'
const feature = (tasks: string, more: Record<string, string> = {}) =>
  memoryFiles({ [`${DIR}/spec.md`]: 'the spec', [`${DIR}/plan.md`]: 'the plan', [`${DIR}/tasks.md`]: tasks, ...more })

describe('openSpecKit', () => {
  it('describes the feature and its tasks', async () => {
    const source = await openSpecKit(DIR, feature(fixture('spec-kit-template.md')))
    expect(source).toMatchObject({
      kind: 'spec-kit',
      feature: '001-reading list',
      owned: [`${DIR}/spec.md`, `${DIR}/plan.md`, `${DIR}/tasks.md`],
      warnings: [`${DIR}/tasks.md:91: "Talk to the library about the ISBN service" has no task id and is not run`],
    })
    expect(source.tasks[7]).toEqual({
      handle: 'T008',
      title: 'Contract test in tests/add.contract.test.ts',
      done: false,
      dependsOn: [{ handle: 'T007', kind: 'group' }],
      criteria: ['Contract test in tests/add.contract.test.ts'],
      subject: 'Task T008: Contract test in tests/add.contract.test.ts',
    })
  })

  it('makes prompts of the task line, its phase, and the documents', async () => {
    const files = feature(fixture('spec-kit-rough.md'), {
      [`${DIR}/data-model.md`]: 'x',
      [`${DIR}/contracts/a.yaml`]: 'x',
    })
    const source = await openSpecKit(DIR, files)
    const { instructions, sections } = source.implementPrompt('T010')
    expect(sections.map((section) => section.title)).toEqual([
      'Task',
      'Phase',
      'Spec',
      'Plan',
      'Tasks',
      'More documents to read where they matter',
    ])
    expect(sections[0]?.content).toBe(
      [
        '1. [ ] T010 Send an email',
        '   - Depends on: T006, T007',
        '   - Acceptance: the mail has the bill attached',
        '     and says thank you',
        '   - [ ] T010.1 Render the mail',
        '   - [x] T010.2 Send it',
      ].join('\n'),
    )
    expect(sections[1]?.content).toBe('Phase 0 — Ground')
    expect(sections.at(-1)?.content).toBe(`${DIR}/contracts/\n${DIR}/data-model.md`)
    expect(instructions[0]).toContain('task T010')
    expect(instructions.join('\n')).toContain(`Do not edit ${DIR}/spec.md, ${DIR}/plan.md, ${DIR}/tasks.md`)
    expect(source.reviewPrompt('T010').instructions).not.toEqual(instructions)
    expect(() => source.implementPrompt('T404')).toThrow('T404')
  })

  it('resolves ids, and one that is spelled otherwise when only one can be meant', async () => {
    const source = await openSpecKit(DIR, feature('- [ ] T001a a\n- [ ] T001A b\n- [ ] T002 c\n'))
    expect(
      ['T002', 't002', ' T002 ', 'T001a', 't001A', 'T003', '2', 'constructor', '__proto__'].map((s) =>
        source.resolve(s),
      ),
    ).toEqual(['T002', 'T002', 'T002', 'T001a', null, null, null, null, null])
  })

  it('needs all three documents', async () => {
    await expect(
      openSpecKit(DIR, memoryFiles({ [`${DIR}/tasks.md`]: '- [ ] T001 a', [`${DIR}/plan.md`]: ' ' })),
    ).rejects.toMatchObject({
      code: 'source_incomplete',
      exit: 2,
      message: `${DIR} is not a complete spec-kit feature: spec.md, plan.md missing or empty`,
      received: 'tasks.md',
    })
  })

  it('names everything that is wrong with file and line', async () => {
    const error: unknown = await openSpecKit(DIR, feature(fixture('spec-kit-broken.md'))).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'source_invalid', exit: 2, received: '8 problems' })
    expect(String(error)).toContain(`${DIR}/tasks.md:7: task id T001 is used twice (first in line 5)`)
    expect(String(error)).toContain(`${DIR}/tasks.md:13:`)
  })

  it('refuses a list without tasks', async () => {
    await expect(openSpecKit(DIR, feature('# Tasks\n\n- [ ] Talk to X\n'))).rejects.toMatchObject({
      code: 'source_empty',
    })
  })

  it('keeps a subject to one line of sane length', async () => {
    const source = await openSpecKit(DIR, feature(`- [ ] T001 tab\there \u0007 ${'word '.repeat(100)}\n`))
    const subject = source.tasks[0]?.subject ?? ''
    expect(subject).toMatch(/^Task T001: tab here word/)
    expect(subject.length).toBeLessThanOrEqual(240)
  })
})

describe('ticks', () => {
  const tick = async (text: string, handle: string, later = text) =>
    (await openSpecKit(DIR, feature(text))).tick(handle)?.apply(later)

  it('marks the box of the id and keeps everything else, byte for byte', async () => {
    const text = `\uFEFF${fixture('spec-kit-rough.md').replaceAll('\n', '\r\n')}`
    expect(await tick(text, 'T011')).toBe(text.replace('- [ ] T011', '- [X] T011'))
    expect(await tick(text, 'T006')).toBe(text.replace('+ [~] T006', '+ [X] T006'))
    expect(await tick(text, 'T007')).toBe(text.replace('- [] T007', '- [X] T007'))
    expect(await tick(text, 'T001')).toBe(text)
  })

  it('marks the steps of the task with it', async () => {
    const text = fixture('spec-kit-rough.md')
    expect(await tick(text, 'T010')).toBe(text.replace('[ ] T010 ', '[X] T010 ').replace('[ ] T010.1', '[X] T010.1'))
  })

  it('goes by the id, not by the place, and skips examples', async () => {
    const later = '```\n- [ ] T002 example\n```\n- [ ] T000 new\n- [ ] T002 reworded\n'
    expect(await tick('- [ ] T001 a\n- [ ] T002 b\n', 'T002', later)).toBe(later.replace('[ ] T002 r', '[X] T002 r'))
    expect(await tick('- [ ] T001 a\n', 'T001', '- [ ] T002 b\n')).toBeNull()
  })

  it('ticks each task exactly once in any order, and changes only boxes', async () => {
    const text = fixture('spec-kit-template.md')
    const source = await openSpecKit(DIR, feature(text))
    fc.assert(
      fc.property(fc.shuffledSubarray(source.tasks.map((task) => task.handle)), (handles) => {
        const ticked = handles.reduce((t, handle) => source.tick(handle)?.apply(t) ?? '', text)
        const again = handles.reduce((t, handle) => source.tick(handle)?.apply(t) ?? '', ticked)
        expect(again).toBe(ticked)
        const blank = (t: string) => t.replace(/\[[ xX]\] T/g, '[] T')
        expect(blank(ticked)).toBe(blank(text))
        const count = (t: string) => t.match(/^- \[[xX]\] T/gm)?.length
        expect(count(ticked)).toBe(2 + handles.filter((h) => h !== 'T001' && h !== 'T002').length)
      }),
    )
  })
})
