import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folderFiles } from './files.ts'
import { folder, gateSpec, run } from './testing/world.ts'

it('reads files, through links too, and waits for nothing that is none', async () => {
  using root = folder({ 'a/package.json': '{}' })
  symlinkSync('a', join(root.path, 'b'))
  symlinkSync('b/package.json', join(root.path, 'package.json'))
  execFileSync('mkfifo', [join(root.path, 'pipe')])
  symlinkSync('pipe', join(root.path, 'Makefile'))
  symlinkSync('/dev/zero', join(root.path, 'go.mod'))
  symlinkSync('nothing', join(root.path, 'x.sh'))
  const files = folderFiles(root.path)
  for (const path of ['package.json', 'a/package.json', 'b/package.json']) expect(await files.read(path)).toBe('{}')
  for (const path of ['pipe', 'Makefile', 'go.mod', 'x.sh', 'a', 'gone', 'a\0b'])
    expect(await files.read(path), path).toBeNull()
})

it('a gate whose project file is a link to a pipe ends', async () => {
  using root = folder()
  execFileSync('mkfifo', [join(root.path, 'pipe')])
  symlinkSync('pipe', join(root.path, 'package.json'))
  // The gate itself must not read it: what is asked here is what Belay does before and after it.
  const seen = await run(root.path, gateSpec('true && { false && npm test; }'))
  expect(seen.result).not.toBe('pass')
})
