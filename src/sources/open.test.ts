import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { folderFiles, openSource, resolveSource, type SourcePointer, treeFiles } from './index.ts'

let root: string
let commit: string
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const fixture = (name: string): string => new URL(`fixtures/${name}`, import.meta.url).pathname

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'belay open-'))
  for (const [dir, list, others] of [
    ['specs/001 lesesaal', 'spec-kit-rough.md', ['spec.md', 'plan.md']],
    ['openspec/changes/add-export', 'openspec-rough.md', ['proposal.md']],
  ] as const) {
    mkdirSync(join(root, dir), { recursive: true })
    cpSync(fixture(list), join(root, dir, 'tasks.md'))
    for (const name of others) writeFileSync(join(root, dir, name), `# ${name}\n`)
  }
  git('init', '-q')
  git('add', '-A')
  git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-qm', 'x')
  commit = git('rev-parse', 'HEAD')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const find = (arg: string, cwd = root): Promise<SourcePointer> =>
  resolveSource({
    arg,
    prompt: null,
    feature: null,
    configured: null,
    branch: null,
    root,
    cwd,
    files: folderFiles(root),
    readStdin: () => Promise.resolve(''),
  })

it('opens from the commit what was found in the folder', async () => {
  const pointer = await find('001 lesesaal', join(root, 'specs'))
  writeFileSync(join(root, 'specs/001 lesesaal/tasks.md'), 'changed since')
  const source = await openSource(pointer, treeFiles(root, commit))
  expect(source).toMatchObject({ kind: 'spec-kit', feature: '001 lesesaal' })
  expect(source.tasks.map((task) => task.handle)).toContain('T010b')
})

it.each(['specs/001 lesesaal', 'openspec/changes/add-export'])(
  'each task of %s has prompts and a tick',
  async (arg) => {
    const files = treeFiles(root, commit)
    const source = await openSource(await find(arg), files)
    const text = (await files.read(`${arg}/tasks.md`)) ?? ''
    expect(source.tasks.length).toBeGreaterThan(8)
    let ticked = text
    for (const { handle, criteria, subject } of source.tasks) {
      expect(source.resolve(handle)).toBe(handle)
      expect(criteria[0]).not.toBe('')
      expect(subject).toMatch(/^Task [^\n]+: [^\n]+$/)
      for (const parts of [source.implementPrompt(handle), source.reviewPrompt(handle)]) {
        expect(parts.sections.every(({ title, content }) => title !== '' && content !== '')).toBe(true)
      }
      const edit = source.tick(handle)
      expect(edit?.path).toBe(`${arg}/tasks.md`)
      ticked = edit?.apply(ticked) ?? ''
    }
    writeFileSync(join(root, `${arg}/tasks.md`), ticked)
    const after = await openSource(await find(arg), folderFiles(root))
    expect(after.tasks.map(({ handle, done }) => ({ handle, done }))).toEqual(
      source.tasks.map(({ handle }) => ({ handle, done: true })),
    )
  },
)

it('opens a prompt, and refuses a folder name that would break a line', async () => {
  expect((await openSource(await find('do it'), treeFiles(root, commit))).kind).toBe('prompt')
  const pointer = { kind: 'spec-kit', feature: 'a\nb', dir: 'specs/a\nb' } as const
  await expect(openSource(pointer, folderFiles(root))).rejects.toMatchObject({ code: 'source_invalid', exit: 2 })
})
