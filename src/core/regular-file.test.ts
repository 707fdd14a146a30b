import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readRegular } from './regular-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-regular-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('reads a file up to the most that it may', async () => {
  const path = join(folder, 'file')
  writeFileSync(path, 'four')
  expect(await readRegular(path, 4)).toEqual({ size: 4, bytes: Buffer.from('four') })
  expect(await readRegular(path, 3)).toEqual({ size: 4, bytes: null })
  writeFileSync(path, '')
  expect(await readRegular(path, 0)).toEqual({ size: 0, bytes: Buffer.alloc(0) })
})

it('has nothing for what is no file, and waits for none of it', async () => {
  writeFileSync(join(folder, 'file'), 'x')
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  symlinkSync('file', join(folder, 'link'))
  symlinkSync('/dev/zero', join(folder, 'zero'))
  symlinkSync('loop', join(folder, 'loop'))
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve))
  try {
    for (const name of ['folder', 'pipe', 'link', 'zero', 'loop', 'socket', 'missing', 'file/x'])
      expect(await readRegular(join(folder, name), 10), name).toBeNull()
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
})
