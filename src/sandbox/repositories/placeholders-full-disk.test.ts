import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { addPlaceholder, isPlaceholder, removePlaceholder } from './placeholders.ts'

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return { ...fs, writeFileSync: vi.fn(fs.writeFileSync) }
})

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-placeholders-')))
  process.env['BELAY_HOME'] = join(folder, 'state')
})
afterEach(() => {
  delete process.env['BELAY_HOME']
  rmSync(folder, { recursive: true, force: true })
})

it('a placeholder is removed on a full disk too, and leaves no lock that had no room', () => {
  const place = join(folder, '.git')
  expect(addPlaceholder(place)).toBe(true)
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  vi.mocked(writeFileSync).mockImplementationOnce(() => {
    throw full
  })
  removePlaceholder(place)
  expect([existsSync(place), isPlaceholder(place)]).toEqual([false, false])
  expect(readdirSync(join(folder, 'state', 'held'))).toEqual([])
})
