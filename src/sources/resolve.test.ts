import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryFiles } from './testing/memory-files.ts'
import { resolveSource, type SourceRequest } from './resolve.ts'

const specKit = (dir: string): Record<string, string> => ({
  [`${dir}/spec.md`]: 's',
  [`${dir}/plan.md`]: 'p',
  [`${dir}/tasks.md`]: '- [ ] T001 a',
})
const openSpec = (dir: string): Record<string, string> => ({
  [`${dir}/proposal.md`]: 'p',
  [`${dir}/tasks.md`]: '- [ ] 1.1 a',
})

const resolve = (files: Record<string, string>, request: Partial<SourceRequest> = {}) =>
  resolveSource({
    arg: null,
    prompt: null,
    feature: null,
    configured: null,
    branch: null,
    root: '/repo',
    cwd: '/repo',
    files: memoryFiles(files),
    readStdin: () => Promise.reject(new Error('stdin was read')),
    ...request,
  })

const A = { kind: 'spec-kit', feature: '001-a', dir: 'specs/001-a' }
const TWO = { ...specKit('specs/001-a'), ...specKit('specs/002-b b') }

describe('an argument', () => {
  it.each([
    ['/repo', 'specs/001-a'],
    ['/repo', './specs/001-a/'],
    ['/repo', 'specs/001-a/tasks.md'],
    ['/repo', 'specs/001-a/plan.md'],
    ['/repo', '/repo/specs/001-a'],
    ['/repo/src/deep', '../../specs/001-a'],
    ['/repo/specs', '001-a'],
    ['/repo/specs/001-a', '.'],
    ['/repo/specs/001-a', 'tasks.md'],
  ])('in %s, %s is the feature', async (cwd, arg) => {
    expect(await resolve(TWO, { cwd, arg })).toEqual(A)
  })

  it('that exists is a path, also with white space in it', async () => {
    expect(await resolve(TWO, { arg: 'specs/002-b b' })).toMatchObject({ dir: 'specs/002-b b', feature: '002-b b' })
  })

  it('takes the layout that it finds there, against the configuration', async () => {
    const files = { ...TWO, ...openSpec('openspec/changes/x'), ...openSpec('plans/here') }
    expect(await resolve(files, { arg: 'openspec/changes/x', configured: 'spec-kit' })).toEqual({
      kind: 'openspec',
      feature: 'x',
      dir: 'openspec/changes/x',
    })
    expect(await resolve(files, { arg: 'plans/here', configured: 'spec-kit' })).toMatchObject({ kind: 'openspec' })
    expect(await resolve(files, { arg: 'specs/001-a', configured: 'openspec' })).toMatchObject({ kind: 'spec-kit' })
  })

  it('with only a task list is what its place or its tasks say', async () => {
    const files = {
      'specs/1/tasks.md': '- [ ] 1.1 a',
      'openspec/changes/1/tasks.md': '- [ ] T001 a',
      'p/1/tasks.md': '- [ ] T001 a',
      'p/2/tasks.md': '- [ ] 1.1 a',
    }
    const kinds = await Promise.all(
      ['specs/1', 'openspec/changes/1', 'p/1', 'p/2'].map(async (arg) => (await resolve(files, { arg })).kind),
    )
    expect(kinds).toEqual(['spec-kit', 'openspec', 'spec-kit', 'openspec'])
  })

  it('that is the root of features, or a project with one, means the feature in it', async () => {
    const files = { ...specKit('specs/001-a'), ...openSpec('openspec/changes/x'), ...specKit('pkg/api/specs/007-z') }
    expect(await resolve(files, { arg: 'specs' })).toEqual(A)
    expect(await resolve(files, { arg: 'openspec' })).toMatchObject({ feature: 'x' })
    expect(await resolve(files, { arg: 'openspec/changes' })).toMatchObject({ feature: 'x' })
    expect(await resolve(files, { arg: 'pkg/api' })).toEqual({
      kind: 'spec-kit',
      feature: '007-z',
      dir: 'pkg/api/specs/007-z',
    })
    await expect(resolve(files, { arg: '.' })).rejects.toMatchObject({ code: 'source_ambiguous' })
  })

  it('with white space is a prompt', async () => {
    for (const arg of [
      'fix the bug',
      'fix\nit',
      'specs/001-a please',
      '../out of here',
      'x '.repeat(5000),
      'a\u0000 b',
    ]) {
      expect(await resolve(TWO, { arg })).toEqual({ kind: 'prompt', text: arg })
    }
  })

  it('- is a prompt from stdin', async () => {
    const readStdin = () => Promise.resolve('from stdin')
    expect(await resolve({ ...TWO, '-': 'file' }, { arg: '-', readStdin })).toEqual({
      kind: 'prompt',
      text: 'from stdin',
    })
  })

  it.each(['specs/001-b', 'fix', '../elsewhere', '/etc/passwd', 'constructor', 'specs/001-a/no.md'])(
    'that is nothing of these is refused: %j',
    async (arg) => {
      await expect(resolve(TWO, { arg })).rejects.toMatchObject({ code: 'source_not_found', exit: 2 })
    },
  )

  it('that is mistyped is answered with what was meant, and never run', async () => {
    await expect(resolve(TWO, { arg: 'specs/001-aa' })).rejects.toMatchObject({
      message: 'There is no file or folder "specs/001-aa"; did you mean specs/001-a?',
      next: 'a prompt of one word: belay run --prompt "specs/001-aa"',
    })
  })

  it('that is another file or folder is refused', async () => {
    const files = { ...TWO, 'src/a.ts': '', 'README.md': '', 'tasks.md': '', 'specs/001-a/data.json': '' }
    for (const arg of ['src', 'src/a.ts', 'README.md', 'tasks.md', 'specs/001-a/data.json']) {
      await expect(resolve(files, { arg }), arg).rejects.toMatchObject({ code: 'source_not_found', exit: 2 })
    }
  })

  it('may reach the repository by another name', async () => {
    const real = mkdtempSync(join(tmpdir(), 'belay-resolve-'))
    try {
      mkdirSync(join(real, 'repo/specs/001-a'), { recursive: true })
      symlinkSync('repo', join(real, 'alias'))
      const request = { root: join(real, 'repo'), cwd: real, arg: 'alias/specs/001-a' }
      expect(await resolve(TWO, request)).toEqual(A)
    } finally {
      rmSync(real, { recursive: true })
    }
  })
})

describe('--prompt and --feature', () => {
  it('takes one word as a prompt', async () => {
    expect(await resolve(TWO, { prompt: 'specs' })).toEqual({ kind: 'prompt', text: 'specs' })
  })

  it.each(['001-a', '001', 'specs/001-a', 'specs/001-a/'])('finds %s', async (feature) => {
    expect(await resolve(TWO, { feature, branch: '002-b b' })).toEqual(A)
  })

  it.each(['003', 'b', '../specs/001-a', 'archive', 'toString', ''])('does not find %j', async (feature) => {
    const files = { ...TWO, ...openSpec('openspec/changes/archive/2025-01-01-x') }
    await expect(resolve(files, { feature })).rejects.toMatchObject({ code: 'source_not_found', exit: 2 })
  })

  it('asks when two are called the same', async () => {
    const files = { ...specKit('specs/x'), ...openSpec('openspec/changes/x') }
    await expect(resolve(files, { feature: 'x' })).rejects.toMatchObject({ code: 'source_ambiguous' })
    expect(await resolve(files, { feature: 'x', configured: 'openspec' })).toMatchObject({ kind: 'openspec' })
  })

  it.each([
    { arg: 'specs/001-a', feature: '001-a' },
    { prompt: 'a', feature: 'b' },
    { arg: '-', prompt: 'a' },
  ])('refuses %j together', async (request) => {
    await expect(resolve(TWO, request)).rejects.toMatchObject({ code: 'usage', exit: 2 })
  })
})

describe('without an argument', () => {
  it('takes the only feature, and skips the archive and hidden folders', async () => {
    expect(await resolve({ ...specKit('specs/001-a'), 'specs/README.md': '', 'specs/.git/x': '' })).toEqual(A)
    const changes = { ...openSpec('openspec/changes/x'), ...openSpec('openspec/changes/archive/2025-01-01-y') }
    expect(await resolve(changes)).toMatchObject({ kind: 'openspec', feature: 'x' })
  })

  it.each([
    ['002-anything', 'specs/002-b b'],
    ['feat/002-anything', 'specs/002-b b'],
    ['20260319-143022-x', 'specs/20260319-143022-y'],
    ['001-a', 'specs/001-a'],
  ])('on branch %s takes %s', async (branch, dir) => {
    const files = { ...TWO, ...specKit('specs/20260319-143022-y'), ...specKit('specs/0020-no') }
    expect(await resolve(files, { branch })).toMatchObject({ dir })
  })

  it('prefers the folder of exactly the branch, then the first with its number', async () => {
    const files = { ...specKit('specs/003-a'), ...specKit('specs/003-b') }
    expect(await resolve(files, { branch: '003-b' })).toMatchObject({ feature: '003-b' })
    expect(await resolve(files, { branch: '003-c' })).toMatchObject({ feature: '003-a' })
  })

  it.each(['main', '12-short', '002', '20260319-143022', 'constructor', null])('on branch %j asks', async (branch) => {
    const files = { ...TWO, ...specKit('specs/20260319-143022-y') }
    await expect(resolve(files, { branch })).rejects.toMatchObject({
      code: 'source_ambiguous',
      exit: 2,
      message: 'Several features could be meant:\nspecs/001-a\nspecs/002-b b\nspecs/20260319-143022-y',
      next: 'belay run --feature ID, or belay run specs/001-a',
    })
  })

  it('names what spec-kit holds for the current feature when it has to ask', async () => {
    const files = { ...TWO, '.specify/feature.json': '{"feature_directory":"specs/002-b b"}' }
    await expect(resolve(files)).rejects.toMatchObject({ next: expect.stringContaining('--feature 002-b b') as string })
  })

  it('looks only where the configuration says', async () => {
    const files = { ...specKit('specs/001-a'), ...openSpec('openspec/changes/x') }
    expect(await resolve(files, { configured: 'openspec' })).toMatchObject({ feature: 'x' })
    expect(await resolve(files, { configured: 'spec-kit' })).toEqual(A)
    await expect(resolve(openSpec('openspec/changes/x'), { configured: 'spec-kit' })).rejects.toMatchObject({
      code: 'source_not_found',
      next: 'belay run openspec/changes/x, or task.source: openspec',
    })
  })

  it('says so when there is nothing', async () => {
    await expect(resolve({ 'README.md': '' })).rejects.toMatchObject({
      code: 'source_not_found',
      exit: 2,
      message: 'There is nothing to run: no feature in specs or openspec/changes',
    })
  })
})
