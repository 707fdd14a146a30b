/** The demo makes promises about three tasks; this test runs all their attempts and gates for real. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../config/index.ts'
import { folderFiles, openSource, resolveSource } from '../sources/index.ts'
import { DEMO_AGENT, FEATURE, createDemoProject, type DemoProject } from './index.ts'

let folder = ''
let project: DemoProject
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay demo-test-')))
  project = await createDemoProject(join(folder, 'project'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Ran {
  readonly code: number
  readonly stdout: string
}

function run(argv: readonly string[], cwd: string, stdin = ''): Promise<Ran> {
  const [program = '', ...args] = argv
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, env: { PATH: process.env['PATH'] } }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout })
    })
    child.stdin?.end(stdin)
  })
}

async function config() {
  return (await loadConfig({ root: project.dir, env: {}, userDir: join(folder, 'nobody') })).config
}

async function gate(): Promise<Ran> {
  return run([process.execPath, '--test'], project.dir)
}

interface Answer {
  readonly status?: string
  readonly verdict?: string
  readonly findings?: readonly { readonly issue: string }[]
  readonly acceptanceChecks?: readonly { readonly criterion: string; readonly status: string }[]
}

async function turn(role: 'implementer' | 'reviewer', handle: string, prompt: string): Promise<Answer> {
  const input = { role, prompt, task: { handle, title: 'A title' }, attempt: 1, workspace: project.dir, run: 'r' }
  const { code, stdout } = await run([process.execPath, DEMO_AGENT], project.dir, JSON.stringify(input))
  expect(code).toBe(0)
  const frames = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; output?: Answer })
  expect(frames.map(({ type }) => type)).toEqual(['message', 'usage', 'result'])
  return frames.at(-1)?.output ?? {}
}

const CRITERIA =
  'Intro\n\n## Completion criteria\n```\n- Add it\n- an empty list is refused\n```\n\n## Diff\n```diff\n- no\n```\n'

describe('createDemoProject', () => {
  it('makes a clean repository with one commit of what it says', () => {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: project.dir, encoding: 'utf8' }).trim()
    expect(git('status', '--porcelain')).toBe('')
    expect(git('log', '--format=%s')).toBe('chore: begin the demo')
    expect(git('branch', '--show-current')).toBe('main')
    expect(git('ls-files').split('\n').sort()).toEqual([...project.files].sort())
  })

  it('commits without the identity, hooks or signing of anybody', async () => {
    const home = join(folder, 'home')
    mkdirSync(home)
    writeFileSync(join(home, '.gitconfig'), '[commit]\n\tgpgsign = true\n[core]\n\thooksPath = /nowhere\n')
    const script = `import { createDemoProject } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}\nawait createDemoProject(process.argv[2])\n`
    writeFileSync(join(folder, 'make.mjs'), script)
    const env = { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1' }
    execFileSync(process.execPath, [join(folder, 'make.mjs'), join(folder, 'other')], { env })
    const author = execFileSync('git', ['log', '--format=%an <%ae>'], {
      cwd: join(folder, 'other'),
      encoding: 'utf8',
      env,
    })
    expect(author.trim()).toBe('Belay demo <demo@belay.invalid>')
  })

  it('takes a new folder below the temporary folder when none is named', async () => {
    const { dir, files } = await createDemoProject(null)
    try {
      expect(dir).not.toBe(project.dir)
      expect(readFileSync(join(dir, 'README.md'), 'utf8')).toContain('belay demo')
      expect(files).toEqual(project.files)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  it('leaves a folder alone that holds something', async () => {
    await expect(createDemoProject(project.dir)).rejects.toMatchObject({ code: 'demo_folder_not_empty', exit: 2 })
  })

  it('has a configuration that Belay reads: a gate and the scripted agent in both roles', async () => {
    const { verify, workflow } = await config()
    expect(verify.gates).toMatchObject([{ name: 'tests', run: [process.execPath, '--test'] }])
    for (const role of [workflow.roles.implementer, workflow.roles.reviewer]) {
      expect(role).toMatchObject({ provider: 'command', command: [process.execPath, DEMO_AGENT] })
    }
  })

  it('has a feature that Belay reads: three tasks, one after the other', async () => {
    const files = folderFiles(project.dir)
    const request = {
      prompt: null,
      feature: null,
      configured: null,
      branch: 'main',
      root: project.dir,
      cwd: project.dir,
      files,
    }
    const pointer = await resolveSource({ ...request, arg: `specs/${FEATURE}`, readStdin: () => Promise.resolve('') })
    const { kind, tasks, warnings } = await openSource(pointer, files)
    expect({ kind, warnings }).toEqual({ kind: 'spec-kit', warnings: [] })
    expect(tasks.map(({ handle, done, dependsOn }) => [handle, done, dependsOn.map((one) => one.handle)])).toEqual([
      ['T001', false, []],
      ['T002', false, ['T001']],
      ['T003', false, ['T002']],
    ])
    expect(tasks.map(({ criteria }) => criteria[1])).toEqual(
      Array(3).fill('an empty list is refused with a RangeError'),
    )
  })
})

describe('the scripted agent', () => {
  it('begins from a gate that passes', async () => {
    expect((await gate()).code).toBe(0)
  })

  it('does T001 at once', async () => {
    expect(await turn('implementer', 'T001', 'do it')).toMatchObject({ status: 'implemented' })
    expect((await gate()).code).toBe(0)
    expect(await turn('reviewer', 'T001', CRITERIA)).toMatchObject({
      verdict: 'pass',
      findings: [],
      acceptanceChecks: [
        { criterion: 'Add it', status: 'pass' },
        { criterion: 'an empty list is refused', status: 'pass' },
      ],
    })
  })

  it('fails the gate in T002, again without its output, and mends it with it', async () => {
    await turn('implementer', 'T002', 'do it')
    const failed = await gate()
    expect(failed.code).toBe(1)
    expect(failed.stdout).toMatch(/# fail 1|fail 1/)
    await turn('implementer', 'T002', 'do it again')
    expect((await gate()).code).toBe(1)
    await turn('implementer', 'T002', `## Failing checks\n${failed.stdout}`)
    expect((await gate()).code).toBe(0)
    expect(await turn('reviewer', 'T002', CRITERIA)).toMatchObject({ verdict: 'pass' })
  })

  it('passes the gate but not the review in T003, and mends it with the finding', async () => {
    await turn('implementer', 'T003', 'do it')
    expect((await gate()).code).toBe(0)
    const first = await turn('reviewer', 'T003', CRITERIA)
    expect(first).toMatchObject({
      verdict: 'rework',
      findings: [{ issue: expect.stringContaining('-Infinity'), file: 'src/stats.js' }],
      acceptanceChecks: [{ status: 'pass' }, { status: 'fail' }],
    })
    await turn('implementer', 'T003', JSON.stringify(first.findings, null, 2))
    expect((await gate()).code).toBe(0)
    expect(await turn('reviewer', 'T003', CRITERIA)).toMatchObject({ verdict: 'pass', findings: [] })
  })

  it('does all three in one project', async () => {
    await turn('implementer', 'T001', '')
    await turn('implementer', 'T002', '')
    await turn('implementer', 'T002', (await gate()).stdout)
    await turn('implementer', 'T003', '')
    const { findings } = await turn('reviewer', 'T003', CRITERIA)
    await turn('implementer', 'T003', JSON.stringify(findings))
    const { code, stdout } = await gate()
    expect(code).toBe(0)
    expect(stdout).toMatch(/pass 8\n/)
  })

  it('says so when it does not know a task', async () => {
    expect(await turn('implementer', 'T004', 'do it')).toMatchObject({ status: 'blocked' })
    expect(await turn('reviewer', 'T004', CRITERIA)).toMatchObject({ verdict: 'blocked' })
  })
})
