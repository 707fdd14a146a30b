import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isEqual, scan, type Manifest } from './manifest.ts'
import { merge } from './merge.ts'

let root: string
let base: Manifest
let told: string[]
const none = new Set<string>()
const there = (name: string): string => join(root, 'there', name)
const here = (name: string): string => join(root, 'here', name)

/** Both sides begin with these files. */
function begin(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) for (const side of [here, there]) write(side(name), text)
  base = scan(here(''), none, undefined)
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function run(skip: ReadonlySet<string> = none): void {
  merge({ from: there(''), to: here(''), skip, base, tell: (message) => void told.push(message) })
}

const read = (path: string): string => readFileSync(path, 'utf8')
/** Whether both sides are known to have the same, so that nothing need be sent before the next program. */
const isInStep = (): boolean => isEqual(base, scan(here(''), none, base))

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'belay-e2b-merge-')))
  for (const side of ['here', 'there']) mkdirSync(join(root, side))
  told = []
})
afterEach(() => rmSync(root, { recursive: true }))

describe('merge', () => {
  it('takes what the sandbox changed, made and deleted', () => {
    begin({ changed: '1', gone: '1', 'folder/gone': '1', kept: '1' })
    write(there('changed'), '2')
    write(there('new/file'), '2')
    for (const name of ['gone', 'folder']) rmSync(there(name), { recursive: true })
    run()
    expect(readdirSync(here('')).sort()).toEqual(['changed', 'kept', 'new'])
    expect([read(here('changed')), read(here('new/file')), told, isInStep()]).toEqual(['2', '2', [], true])
  })

  it('keeps what was changed, made and deleted here, and knows that the sandbox lacks it', () => {
    begin({ changed: '1', gone: '1', 'folder/gone': '1', 'folder/kept': '1', kept: '1' })
    write(here('changed'), '2')
    write(here('new/file'), '2')
    for (const name of ['gone', 'folder']) rmSync(here(name), { recursive: true })
    run()
    expect(readdirSync(here('')).sort()).toEqual(['changed', 'kept', 'new'])
    expect([read(here('changed')), read(here('new/file')), told, isInStep()]).toEqual(['2', '2', [], false])
  })

  it('keeps a file that both changed, puts the other beside it once, and says so', () => {
    begin({ both: '1', same: '1' })
    for (const side of [here, there]) write(side('same'), '2')
    write(here('both'), 'mine')
    write(there('both'), 'theirs')
    run()
    run()
    expect(readdirSync(here('')).sort()).toEqual(['both', 'both.from-sandbox', 'same'])
    expect([read(here('both')), read(here('both.from-sandbox'))]).toEqual(['mine', 'theirs'])
    const message = `${here('both')} was changed here and in the sandbox: yours was kept, the sandbox's is ${here('both.from-sandbox')}`
    expect(new Set(told)).toEqual(new Set([message]))
    write(there('both'), 'theirs again')
    run()
    expect([read(here('both.from-sandbox')), read(here('both.from-sandbox-2'))]).toEqual(['theirs', 'theirs again'])
  })

  it('keeps a file that the sandbox deleted and somebody changed here, and says so once', () => {
    begin({ 'folder/both': '1', 'folder/gone': '1' })
    write(here('folder/both'), 'mine')
    rmSync(there('folder'), { recursive: true })
    run()
    run()
    expect(readdirSync(here('folder'))).toEqual(['both'])
    expect(told).toEqual([`${here('folder/both')} was deleted in the sandbox, but changed here meanwhile: it was kept`])
    expect(isInStep()).toBe(false)
  })

  it('brings back a file that was deleted here only when the sandbox changed it', () => {
    begin({ 'folder/changed': '1', 'folder/same': '1' })
    rmSync(here('folder'), { recursive: true })
    write(there('folder/changed'), '2')
    run()
    expect(readdirSync(here('folder'))).toEqual(['changed'])
    expect(read(here('folder/changed'))).toBe('2')
  })

  it('does not delete a file that was deleted on both sides and made here anew', () => {
    begin({ again: '1' })
    for (const side of [here, there]) rmSync(side('again'))
    run()
    write(here('again'), '1')
    run()
    expect(existsSync(here('again'))).toBe(true)
  })

  it('keeps a folder with new files where the sandbox has a file or a link now', () => {
    begin({ 'folder/old': '1' })
    write(here('folder/mine'), 'mine')
    rmSync(there('folder'), { recursive: true })
    symlinkSync('/', there('folder'))
    run()
    expect(readdirSync(here('folder'))).toEqual(['mine'])
    expect(lstatSync(here('folder.from-sandbox')).isSymbolicLink()).toBe(true)
  })

  it('keeps a file or a link where the sandbox has a changed folder, and follows no link', () => {
    begin({ 'folder/old': '1', 'quiet/old': '1' })
    const outside = join(root, 'outside')
    mkdirSync(outside)
    for (const name of ['folder', 'quiet']) {
      rmSync(here(name), { recursive: true })
      symlinkSync(outside, here(name))
    }
    write(there('folder/new'), '2')
    run()
    expect(lstatSync(here('folder')).isSymbolicLink()).toBe(true)
    expect(readdirSync(here('')).sort()).toEqual(['folder', 'folder.from-sandbox', 'quiet'])
    expect(readdirSync(here('folder.from-sandbox')).sort()).toEqual(['new', 'old'])
    expect(readdirSync(outside)).toEqual([])
  })

  it('leaves .git and hidden files alone, also in a folder that the sandbox deleted', () => {
    begin({ 'sub/file': '1' })
    write(here('sub/.git/config'), 'mine')
    write(here('sub/hidden'), 'mine')
    rmSync(there('sub'), { recursive: true })
    write(there('hidden'), 'evil')
    run(new Set([here('sub/hidden'), here('hidden')]))
    expect(readdirSync(here('sub')).sort()).toEqual(['.git', 'hidden'])
    expect(existsSync(here('hidden'))).toBe(false)
    expect(told).toEqual([])
  })
})
