import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { endMarked } from '../../process/index.ts'
import { addPlaceholder, isPlaceholder, removePlaceholder, sweepPlaceholders } from './placeholders.ts'
import { findBackend, openSandbox, type Sandbox } from '../index.ts'
import { cannotRun, PATH, ranOf } from '../testing/harness.ts'

let folder = ''
let workspace = ''
let dotGit = ''
const children: ChildProcess[] = []
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-placeholders-')))
  process.env['BELAY_HOME'] = join(folder, 'state')
  workspace = join(folder, 'w')
  dotGit = join(workspace, '.git')
  mkdirSync(workspace)
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await endMarked('held-test')
  delete process.env['BELAY_HOME']
  rmSync(folder, { recursive: true, force: true })
})

const notes = (): string[] => readdirSync(join(folder, 'state', 'held'))

it('holds a place until the last one gives it up, and leaves no note', () => {
  expect([addPlaceholder(dotGit), addPlaceholder(dotGit), isPlaceholder(dotGit), notes().length]).toEqual([
    true,
    true,
    true,
    1,
  ])
  removePlaceholder(dotGit)
  expect([existsSync(dotGit), isPlaceholder(dotGit)]).toEqual([true, true])
  removePlaceholder(dotGit)
  expect([existsSync(dotGit), isPlaceholder(dotGit), notes()]).toEqual([false, false, []])
})

it("takes nobody's folder, and leaves one that is used by now", () => {
  mkdirSync(dotGit)
  expect([addPlaceholder(dotGit), isPlaceholder(dotGit)]).toEqual([false, false])
  rmSync(dotGit, { recursive: true })
  addPlaceholder(dotGit)
  writeFileSync(join(dotGit, 'HEAD'), 'x')
  removePlaceholder(dotGit)
  expect([existsSync(join(dotGit, 'HEAD')), notes()]).toEqual([true, []])
})

it('takes away what dead ones left, also their lock, but nothing that is used', () => {
  addPlaceholder(dotGit)
  const used = join(folder, 'used')
  addPlaceholder(used)
  const state = join(folder, 'state', 'held')
  for (const note of notes()) {
    const [key = ''] = note.split('-')
    const path = [dotGit, used].find((one) => isPlaceholder(one) && note.startsWith(key)) ?? ''
    rmSync(join(state, note))
    writeFileSync(join(state, `${key}-999999999-1`), path)
  }
  writeFileSync(join(used, 'a'), 'x')
  writeFileSync(join(state, 'lock'), '-999999999-1')
  sweepPlaceholders()
  expect([existsSync(join(used, 'a')), notes()]).toEqual([true, []])
})

const why = (await findBackend('os').probe())?.message ?? null
if (why !== null) cannotRun('two Belays in one folder', why)
else {
  /** Another Belay process with a program in the workspace that ends when a file `end` is created there. */
  async function other(): Promise<ChildProcess> {
    const script = 'touch up; until [ -e end ]; do sleep 0.05; done; rm end'
    const holder = fileURLToPath(new URL('../testing/holder.ts', import.meta.url))
    const argument = JSON.stringify({ backend: 'os', workspace, script, mark: 'held-test' })
    const child = spawn(process.execPath, [holder, argument], { stdio: 'inherit' })
    children.push(child)
    await expect.poll(() => existsSync(join(workspace, 'up'))).toBe(true)
    return child
  }
  const open = async (): Promise<Sandbox> =>
    (await openSandbox('os', { access: 'workspace-write', workspace }, new AbortController().signal)).sandbox
  const start = (sandbox: Sandbox, script: string) =>
    sandbox.spawn({
      argv: ['/bin/sh', '-c', script],
      cwd: workspace,
      env: { PATH },
      stdin: 'none',
      mark: 'held-test',
    })

  it('takes away what a Belay that was killed (-9) left, when the next sandbox opens', async () => {
    const child = await other()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect([existsSync(dotGit), notes().length]).toEqual([true, 1])
    const sandbox = await open()
    expect([existsSync(dotGit), notes()]).toEqual([false, []])
    await sandbox.close()
  })

  it('keeps the place while another Belay ends its program there, and the last one takes it away', async () => {
    const child = await other()
    const sandbox = await open()
    const kept = await start(sandbox, 'touch up2; until [ -e go ]; do sleep 0.05; done; mkdir .git/x; git init -q .; :')
    const ran = ranOf(kept)
    await expect.poll(() => existsSync(join(workspace, 'up2'))).toBe(true)
    writeFileSync(join(workspace, 'end'), '')
    await expect.poll(() => notes().length).toBe(1)
    expect(existsSync(dotGit)).toBe(true)
    writeFileSync(join(workspace, 'go'), '')
    expect((await ran).err).toContain('Read-only file system')
    expect([existsSync(dotGit), notes()]).toEqual([false, []])
    await sandbox.close()
    child.kill('SIGKILL')
  })

  it('is kept by the second when the first is killed (-9)', async () => {
    const child = await other()
    const sandbox = await open()
    const kept = await start(sandbox, 'touch up2; until [ -e go ]; do sleep 0.05; done; git init -q .; :')
    const ran = ranOf(kept)
    await expect.poll(() => existsSync(join(workspace, 'up2'))).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const third = await open()
    expect([existsSync(dotGit), notes().length]).toEqual([true, 1])
    writeFileSync(join(workspace, 'go'), '')
    await ran
    expect([existsSync(dotGit), notes()]).toEqual([false, []])
    await third.close()
    await sandbox.close()
  })
}
