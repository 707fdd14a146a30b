import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { randomBytes } from './crypto.ts'
import { randomId } from './ids.ts'

it('gives other bytes each time, as many as are asked for', () => {
  const seen = Array.from({ length: 100 }, () => randomBytes(16))
  expect(seen.every((bytes) => bytes.length === 16)).toBe(true)
  expect(new Set(seen.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(100)
  expect(randomBytes(256)).toHaveLength(256)
  expect(() => randomBytes(1_000_000_000_000)).toThrow()
})

it('makes ids of every letter', () => {
  expect(randomId(10)).toMatch(/^[0-9a-hjkmnp-tv-z]{10}$/)
  expect(new Set(Array.from({ length: 60 }, () => randomId(16)).join('')).size).toBe(32)
})

it('loads nothing of node:crypto', () => {
  const script = `
    const { randomId } = await import(${JSON.stringify(new URL('./ids.ts', import.meta.url).href)})
    randomId(6)
    console.log(process.moduleLoadList.includes('NativeModule crypto'))`
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trim()).toBe(
    'false',
  )
})
