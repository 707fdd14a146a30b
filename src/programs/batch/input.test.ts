import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readInput } from './input.ts'

let dir: string
let root: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-input-')))
  root = join(dir, 'root')
  mkdirSync(join(root, 'sub', '.git'), { recursive: true })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const read = (path: string, max = 100) => readInput(root, path, max)

describe('reading a file of a batch', () => {
  it('gives text up to the limit, whatever its bytes mean as text', async () => {
    writeFileSync(join(root, 'a'), 'é'.repeat(50))
    expect(await read('a')).toMatchObject({ kind: 'text', text: 'é'.repeat(50) })
    writeFileSync(join(root, 'empty'), '')
    expect(await read('empty')).toMatchObject({ kind: 'text', text: '' })
  })

  it('tells contents apart by their digest', async () => {
    const digests = new Set<unknown>()
    for (const text of ['a', 'b', 'a\n', '\u{feff}a']) {
      writeFileSync(join(root, 'f'), text)
      const input = await read('f')
      digests.add(input.kind === 'text' ? input.digest : null)
    }
    expect(digests.size).toBe(4)
  })

  it('never sends what is too large or not text', async () => {
    writeFileSync(join(root, 'large'), 'x'.repeat(101))
    expect(await read('large')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_too_large' } })
    writeFileSync(join(root, 'nul'), 'a\0b')
    expect(await read('nul')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_binary' } })
    writeFileSync(join(root, 'latin'), Buffer.from([0x61, 0xe9, 0x62]))
    expect(await read('latin')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_binary' } })
  })

  it('does not follow links out of the folder or into what is not part of a batch', async () => {
    writeFileSync(join(dir, 'secret'), 'secret')
    writeFileSync(join(root, 'sub', '.git', 'config'), 'token')
    writeFileSync(join(root, 'inside'), 'inside')
    symlinkSync('../secret', join(root, 'out'))
    symlinkSync('sub/.git/config', join(root, 'git'))
    symlinkSync('inside', join(root, 'in'))
    expect(await read('out')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_outside' } })
    expect(await read('git')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_outside' } })
    expect(await read('in')).toMatchObject({ kind: 'text', text: 'inside' })
  })

  it('names what cannot be read now, and never waits for a pipe', async () => {
    expect(await read('gone')).toMatchObject({ kind: 'unreadable', reason: { code: 'file_missing' } })
    symlinkSync('loop', join(root, 'loop'))
    expect(await read('loop')).toMatchObject({ kind: 'unreadable', reason: { code: 'file_unreadable' } })
    execFileSync('mkfifo', [join(root, 'pipe')])
    expect(await read('pipe')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_special' } })
    expect(await read('sub')).toMatchObject({ kind: 'unsuitable', reason: { code: 'file_special' } })
  })
})
