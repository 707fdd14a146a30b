import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Look } from './look.ts'
import { real } from './secrets.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'belay-look-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))

mkdirSync(join(root, 'folder', 'below'), { recursive: true })
writeFileSync(join(root, 'file'), '')
symlinkSync('folder', join(root, 'link'))
symlinkSync('link', join(root, 'twice'))
symlinkSync('nowhere', join(root, 'dangling'))
symlinkSync('round', join(root, 'round'))

const PATHS = [
  'folder/below',
  'folder/missing/deeper',
  'link',
  'link/below',
  'link/missing',
  'twice/below',
  'dangling',
  'dangling/below',
  'round/below',
  'file',
  'file/below',
  'folder/../file',
  'link/../file',
  'folder/below/',
  '.',
]

describe('Look', () => {
  it.each(PATHS)('%s leads where it leads one by one', (path) => {
    const whole = `${root}/${path}`
    const look = new Look()
    expect({ real: look.real(whole), exists: look.exists(whole) }).toEqual({
      real: real(whole),
      exists: existsSync(real(whole)),
    })
  })

  it('says the same when it has seen all the others before', () => {
    const look = new Look()
    const all = PATHS.map((path) => `${root}/${path}`)
    expect(all.map((path) => look.real(path))).toEqual(all.map(real))
    expect(all.map((path) => look.real(path))).toEqual(all.map(real))
    expect(look.real('/')).toBe('/')
  })

  it('is a look at one time', () => {
    const [look, path] = [new Look(), join(root, 'later')]
    expect(look.exists(path)).toBe(false)
    writeFileSync(path, '')
    expect([look.exists(path), new Look().exists(path)]).toEqual([false, true])
  })
})
