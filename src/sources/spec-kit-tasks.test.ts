import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSpecKitTasks } from './spec-kit-tasks.ts'

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')

/** Such as `T012 <- T010! T011!`; `!` is explicit, `~` order, and no sign group. */
function edges(text: string): string[] {
  const sign = { explicit: '!', order: '~', group: '' }
  return readSpecKitTasks(text).tasks.map(({ handle, dependsOn }) =>
    [handle, '<-', ...dependsOn.map((d) => `${d.handle}${sign[d.kind]}`)].join(' '),
  )
}

const one = (line: string) => {
  const { tasks, problems, warnings } = readSpecKitTasks(`## Phase 1\n\n${line}\n`)
  return { handle: tasks[0]?.handle, title: tasks[0]?.title, count: tasks.length, problems, warnings }
}

describe('a tasks.md as the template makes it', () => {
  const list = readSpecKitTasks(fixture('spec-kit-template.md'))

  it('finds the tasks and nothing in comments, code and notes', () => {
    expect(list.tasks.map((task) => task.handle)).toEqual(
      Array.from({ length: 14 }, (_, i) => `T${String(i + 1).padStart(3, '0')}`),
    )
    expect(list.problems).toEqual([])
    expect(list.outline.hidden).toEqual([19, 20, 85])
    expect(list.warnings).toEqual([
      { line: 91, message: '"Talk to the library about the ISBN service" has no task id and is not run' },
    ])
  })

  it('reads boxes, labels and titles', () => {
    expect(list.tasks.filter((task) => task.done).map((task) => task.handle)).toEqual(['T001', 'T002'])
    const titles = new Map(list.tasks.map((task) => [task.handle, task.title]))
    expect(titles.get('T003')).toBe('Configure linting in `.lintrc`')
    expect(titles.get('T008')).toBe('Contract test in tests/add.contract.test.ts')
    expect(titles.get('T012')).toBe('Implement the add service in src/add.ts (depends on T010, T011)')
  })

  it('follows the group rule, across phases and sections', () => {
    expect(edges(fixture('spec-kit-template.md'))).toEqual([
      'T001 <-',
      'T002 <- T001',
      'T003 <- T002',
      'T004 <- T003',
      'T005 <- T004',
      'T006 <- T004',
      'T007 <- T005 T006',
      'T008 <- T007',
      'T009 <- T007',
      'T010 <- T008~ T009~',
      'T011 <- T008~ T009~',
      'T012 <- T010! T011!',
      'T013 <- T012',
      'T014 <- T013',
    ])
  })

  it('ends a parallel group where the phase ends', () => {
    const text = '## A\n- [ ] T001 [P] a\n- [ ] T002 [P] b\n## B\n- [ ] T003 [P] c\n- [ ] T004 [P] d\n'
    expect(edges(text)).toEqual(['T001 <-', 'T002 <-', 'T003 <- T001 T002', 'T004 <- T001 T002'])
  })
})

describe('a tasks.md as people make it', () => {
  const list = readSpecKitTasks(fixture('spec-kit-rough.md'))
  const tasks = new Map(list.tasks.map((task) => [task.handle, task]))

  it('reads decorated, wrapped, numbered and oddly boxed tasks', () => {
    expect(list.problems).toEqual([])
    expect(list.tasks.map(({ handle, title, done }) => [handle, title, done])).toEqual([
      ['T001', 'Read the old code', true],
      ['T002', 'Choose a *rounding* rule in `src/**/*.ts` and `lib/**/*.ts`', false],
      ['T003', 'Write the ledger that keeps every entry in `src/ledger.ts`, one line each (depends on T002)', false],
      ['T004', '[RED] Write a failing test for `[id].ts` routes', false],
      ['T005', '`[slug]/page.tsx` shows the bill', false],
      ['T006', 'Export as CSV', false],
      ['T007', 'Import from CSV', false],
      ['T009', 'Send a fax superseded by T010', true],
      ['T010', 'Send an email', false],
      ['T010b', 'Resend a lost mail (depends on T010.2, T008)', false],
      ['T011', 'Archive bills (Depends on: T003-T005, phase 0)', false],
      ['T012', 'Indented below T011 but a task of its own', false],
    ])
  })

  it('says what it did not take', () => {
    expect(list.warnings.map(({ line, message }) => `${line}: ${message}`).toSorted()).toEqual([
      '19: the box of T006 is "~", read as not done',
      '21: T008 is struck through and not run',
      '29: T010b depends on T008, which is struck through',
      '30: T011 depends on something that is no task id; it waits for the group before it as well',
      '40: "T001-T011 done and tested" names several tasks and cannot be run as one',
      '41: "Everyone agrees" has no task id and is not run',
    ])
  })

  it('takes acceptance bullets and boxes below a task as criteria, and other bullets not', () => {
    expect(tasks.get('T002')?.criteria.slice(1)).toEqual(['Halves go to even', 'Negative amounts round the same way'])
    expect(tasks.get('T010')?.criteria).toEqual([
      'Send an email',
      'the mail has the bill attached and says thank you',
      'T010.1 Render the mail',
      'T010.2 Send it',
    ])
    expect(tasks.get('T011')?.criteria).toEqual(['Archive bills (Depends on: T003-T005, phase 0)'])
  })

  it('reads a clause that stands behind a detail of the same paragraph', () => {
    const text = '- [ ] T001 a\n- [ ] T002 b\n- [ ] T003 c\n  File: x.ts (depends on T001)\n'
    expect(edges(text)[2]).toBe('T003 <- T001!')
    expect(readSpecKitTasks(text).tasks[2]?.title).toBe('c')
  })

  it('reads dependencies in clauses over lines, ranges, detail lines and steps', () => {
    const names = (handle: string) => tasks.get(handle)?.dependsOn.map((d) => `${d.handle} ${d.kind}`)
    expect(names('T003')).toEqual(['T002 explicit'])
    expect(names('T010')).toEqual(['T006 explicit', 'T007 explicit'])
    expect(names('T010b')).toEqual(['T010 explicit'])
    expect(names('T011')).toEqual(['T003 explicit', 'T004 explicit', 'T005 explicit', 'T010b group'])
  })
})

describe('a tasks.md that cannot be run', () => {
  it('names every problem with its line', () => {
    const { problems } = readSpecKitTasks(fixture('spec-kit-broken.md'))
    expect(problems.toSorted((a, b) => a.line - b.line).map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '6: T002 depends on T404, which is not in this file',
      '7: task id T001 is used twice (first in line 5)',
      '8: "TXXX Documentation": TXXX is no task id (T and digits, such as T001)',
      '9: "t003 lower case": t003 is no task id (T and digits, such as T001)',
      '10: task T004 has no title',
      '11: "T020-T021 both at once" names several tasks and cannot be run as one',
      '13: "- [ ] T005 A task as a heading" is a heading; write the task as a list item',
      '15: this code fence is never closed, and tasks follow it',
    ])
  })

  it('names a cycle by its path, also one through a group', () => {
    const explicit = '- [ ] T001 a (depends on T003)\n- [ ] T002 b (depends on T001)\n- [ ] T003 c (depends on T002)\n'
    expect(readSpecKitTasks(explicit).problems).toEqual([
      { line: 1, message: 'the dependencies form a cycle: T001 -> T003 -> T002 -> T001' },
    ])
    expect(readSpecKitTasks('- [ ] T001 a (depends on T002)\n- [ ] T002 b\n').problems[0]?.message).toContain(
      'T001 -> T002 -> T001 (T002 stands after T001 and so waits for it: move it up)',
    )
    expect(readSpecKitTasks('- [ ] T001 a (depends on T001)\n').problems[0]?.message).toContain('T001 -> T001')
  })

  it('takes an unclosed comment seriously only when tasks follow', () => {
    expect(readSpecKitTasks('- [ ] T001 a\n\n<!-- end\n').problems).toEqual([])
    expect(readSpecKitTasks('<!-- start\n\n- [ ] T001 a\n').problems).toEqual([
      { line: 1, message: 'this comment is never closed, and tasks follow it' },
    ])
  })
})

describe('one line', () => {
  it.each([
    ['- [ ] T001 Plain', 'T001', 'Plain'],
    ['- [ ] T1 Short id', 'T1', 'Short id'],
    ['- [ ] T-001: With a dash', 'T-001', 'With a dash'],
    ['- [ ] T0.1 Dotted', 'T0.1', 'Dotted'],
    ['- [ ] T001a Lettered', 'T001a', 'Lettered'],
    ['- [ ] **T001** [P] [US1] Bold', 'T001', 'Bold'],
    ['- [ ] **T001: Bold as a whole**', 'T001', 'Bold as a whole'],
    ['- [ ] **[P] T001** Label first', 'T001', 'Label first'],
    ['- [ ] `[P]` `T001` Code', 'T001', 'Code'],
    ['- [ ] [ ] T035 Two boxes', 'T035', 'Two boxes'],
    ['- [ ][US1] T001 No space', 'T001', 'No space'],
    ['-[ ] T001 No space before the box', 'T001', 'No space before the box'],
    ['- [ ] 🚀 T001 A sign first', 'T001', 'A sign first'],
    ['- [ ] Task T001 – The word first', 'T001', 'The word first'],
    ['- [ ] T001 --flag stays', 'T001', '--flag stays'],
    ['- [ ] T001 .env stays', 'T001', '.env stays'],
    ['- [ ] T001 [a link](https://example.com) stays', 'T001', '[a link](https://example.com) stays'],
    ['- [ ] T001 `<!--` is code <!-- and this is not -->', 'T001', '`<!--` is code'],
    ['- [ ] T001 constructor', 'T001', 'constructor'],
    ['- [ ] T001 日本語のタスク', 'T001', '日本語のタスク'],
    ['\t- [ ] T001 After a tab', undefined, undefined], // indented code
  ])('%s', (line, handle, title) => {
    expect(one(line)).toMatchObject({ handle, title, problems: [] })
  })

  it.each(['- [P] T004 a label', '- T001 no box', '> - [ ] T001 quoted', '- [T001](#t001) a link', '- [x](y) a link'])(
    'is no task and no remark: %s',
    (line) => {
      expect(one(line)).toMatchObject({ count: 0, problems: [], warnings: [] })
    },
  )

  it.each([
    '- [ ] Talk to X',
    '- [ ] T-shirts for all',
    '- [ ] T4GPU is broken',
    '- [ ] TypeScript 7',
    '- [ ] toString',
  ])('is prose: %s', (line) => {
    expect(one(line)).toMatchObject({ count: 0, problems: [], warnings: [{ line: 3 }] })
  })
})

it('reads the same with CRLF and a byte order mark', () => {
  for (const name of ['spec-kit-template.md', 'spec-kit-rough.md', 'spec-kit-broken.md']) {
    const plain = readSpecKitTasks(fixture(name))
    const dressed = readSpecKitTasks(`\uFEFF${fixture(name).replaceAll('\n', '\r\n')}`)
    const view = ({ tasks, problems, warnings }: typeof plain) => ({
      tasks: tasks.map(({ item, ...task }) => ({ ...task, line: item.line, last: item.lastLine })),
      problems,
      warnings,
    })
    expect(view(dressed)).toEqual(view(plain))
  }
})

it('never throws and never names a line that is not there', () => {
  const piece = fc.constantFrom(
    '- [ ] ',
    '- [x] ',
    '  ',
    '\t',
    'T001',
    'T002',
    ' [P]',
    '**',
    '`',
    '```',
    '<!--',
    '-->',
    '~~',
    '## ',
    '\n',
    '\r\n',
    '(depends on ',
    ')',
    ',',
    'a',
    '[',
    ']',
    '---',
    '1. ',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('')
      const { tasks, problems, warnings, outline } = readSpecKitTasks(text)
      for (const { line } of [...problems, ...warnings, ...tasks.map((task) => task.item)]) {
        expect(line).toBeGreaterThan(0)
        expect(line).toBeLessThanOrEqual(outline.lines.length)
      }
      for (const { item } of tasks) {
        expect(text.slice((item.box?.start ?? 0) - 1, item.box?.start)).toBe('[')
        expect(text[item.box?.end ?? 0]).toBe(']')
      }
    }),
    { numRuns: 2000 },
  )
})

it('reads ten thousand tasks without taking quadratic time', () => {
  const lines = Array.from(
    { length: 10_000 },
    (_, i) => `- [ ] T${String(i).padStart(5, '0')} task (depends on T00000)`,
  )
  const started = process.threadCpuUsage()
  expect(readSpecKitTasks(lines.join('\n').replace(' (depends on T00000)', '')).tasks).toHaveLength(10_000)
  const { user, system } = process.threadCpuUsage(started)
  expect((user + system) / 1000).toBeLessThan(5000)
})

describe('a box that is none', () => {
  it('is a problem where a task would be lost, and a label is none', () => {
    expect(one('- [y] T001 Write it').problems).toEqual([
      { line: 3, message: 'the box of T001 is "[y]", which is none: write [ ] or [x]' },
    ])
    for (const line of ['- [P] T001 Write it', '- [p] T001 Write it', '- [a] note', '- [1](x.md) T001'])
      expect(one(line).problems, line).toEqual([])
  })
})
