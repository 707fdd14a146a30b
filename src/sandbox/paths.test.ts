import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { PathResolver, real } from './paths.ts'

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

describe('PathResolver', () => {
  it.each(PATHS)('%s leads where it leads one by one', (path) => {
    const whole = `${root}/${path}`
    const paths = new PathResolver()
    expect({ real: paths.real(whole), exists: paths.exists(whole) }).toEqual({
      real: real(whole),
      exists: existsSync(real(whole)),
    })
  })

  it('says the same when it has seen all the others before', () => {
    const paths = new PathResolver()
    const all = PATHS.map((path) => `${root}/${path}`)
    expect(all.map((path) => paths.real(path))).toEqual(all.map(real))
    expect(all.map((path) => paths.real(path))).toEqual(all.map(real))
    expect(paths.real('/')).toBe('/')
  })

  it('does not see what changes after it has looked', () => {
    const [paths, path] = [new PathResolver(), join(root, 'later')]
    expect(paths.exists(path)).toBe(false)
    writeFileSync(path, '')
    expect([paths.exists(path), new PathResolver().exists(path)]).toEqual([false, true])
  })
})
