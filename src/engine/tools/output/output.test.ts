import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { collect } from './collect.ts'
import { keepOutput, outputsFolder } from './kept.ts'
import { headLines, joined, shorten, tailLines } from './shorten.ts'

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return { ...fs, writeSync: vi.fn(fs.writeSync) }
})

let store: string
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'belay-output-'))
})
afterEach(() => rmSync(store, { recursive: true }))

/** Characters of one to four bytes, and line feeds. */
const text = fc
  .array(fc.constantFrom('a', 'ä', '€', '😀', '\n', 'word '), { maxLength: 300 })
  .map((parts) => parts.join(''))
const max = fc.integer({ min: 10, max: 200 })

describe('head-and-tail truncation', () => {
  it('keeps a beginning and an end, counts what is between, and never cuts a character', () => {
    fc.assert(
      fc.property(text, max, (whole, limit) => {
        const { head, tail, dropped } = shorten(whole, limit)
        expect(whole.startsWith(head) && whole.endsWith(tail)).toBe(true)
        expect(head.length + tail.length + dropped).toBe(whole.length)
        expect(head.length + tail.length).toBeLessThanOrEqual(Math.max(limit, 0))
        expect((head + tail).isWellFormed()).toBe(true)
        if (whole.length <= limit) expect({ head, dropped }).toEqual({ head: whole, dropped: 0 })
        // Each half gives up at most a fifth to end at a line break.
        else expect(head.length + tail.length).toBeGreaterThan(limit * 0.7 - 4)
      }),
    )
  })

  it('cuts between lines where one ends near', () => {
    expect(headLines('12345678\n0123', 10)).toBe('12345678\n')
    expect(headLines('1\n3456789012', 10)).toBe('1\n34567890')
    expect(tailLines('0123\n56789012', 9)).toBe('56789012')
    expect(tailLines('01234567\n9012', 9)).toBe('4567\n9012')
  })

  it('says what was left out, and where the whole is', () => {
    expect(joined({ head: 'a', tail: 'b', dropped: 5 }, null)).toBe('a\n[... 5 characters left out ...]\nb')
    expect(joined({ head: 'a\n', tail: 'b', dropped: 5 }, '/f')).toContain('the whole output is in /f')
  })
})

describe('a collected stream', () => {
  it('is the same however it is cut into chunks; whole when it fits, else in a file', () => {
    fc.assert(
      fc.property(text, max, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (whole, limit, sizes) => {
        const output = collect(store, 'x', limit)
        const bytes = Buffer.from(whole)
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] ?? 1
          output.add(bytes.subarray(at, at + size))
          at += size
        }
        const { text: seen, fullOutput } = output.finish()
        expect(seen.isWellFormed()).toBe(true)
        expect(seen).not.toContain('\uFFFD')
        if (whole.length <= limit) expect({ seen, fullOutput }).toEqual({ seen: whole, fullOutput: null })
        else {
          expect(readFileSync(fullOutput ?? '', 'utf8')).toBe(whole)
          expect(seen).toBe(joined(shorten(whole, limit), fullOutput))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('leaves no file when nothing was cut', () => {
    const output = collect(store, 'x', 10)
    output.add(Buffer.from('😀😀😀'))
    expect(output.finish()).toEqual({ text: '😀😀😀', fullOutput: null })
    expect(readdirSync(outputsFolder(store))).toEqual([])
  })

  it('goes on without a file when none can be written, and says so', () => {
    writeFileSync(join(store, 'outputs'), 'in the way')
    const output = collect(store, 'x', 10)
    output.add(Buffer.from('0123456789abcdef'))
    output.add(Buffer.from('ghij'))
    const { text: seen, fullOutput } = output.finish()
    expect(fullOutput).toBeNull()
    expect(seen).toMatch(/^01234[\s\S]*fghij\n\[the whole output could not be kept: /)
  })

  it('does not name a file that could not be written to its end, and leaves none', () => {
    const output = collect(store, 'x', 10)
    output.add(Buffer.from('0123456789abcdef'))
    vi.mocked(writeSync).mockImplementationOnce(() => {
      throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    })
    for (const part of ['ghij', 'klmn']) output.add(Buffer.from(part))
    const { text: seen, fullOutput } = output.finish()
    expect(fullOutput).toBeNull()
    expect(seen).toBe(
      '01234\n[... 14 characters left out ...]\njklmn\n[the whole output could not be kept: no space left]',
    )
    expect(readdirSync(outputsFolder(store))).toEqual([])
  })

  it('counts what a kept file has no room for', () => {
    const kept = keepOutput(store, 'x', 4)
    for (const part of ['abc', 'def']) kept.write(Buffer.from(part))
    kept.close()
    expect({ text: readFileSync(kept.path, 'utf8'), lost: kept.lost }).toEqual({ text: 'abcd', lost: 2 })
    const removed = keepOutput(store, 'x')
    removed.remove()
    expect(existsSync(removed.path)).toBe(false)
  })

  it('keeps no more of a session than its limit, the newest', () => {
    const paths = [1, 2, 3].map((age) => {
      const kept = keepOutput(store, 'x', 10, 25)
      kept.write(Buffer.alloc(10))
      kept.close()
      utimesSync(kept.path, 1000 + age, 1000 + age)
      return kept.path
    })
    const last = keepOutput(store, 'x', 10, 25)
    last.close()
    expect([...paths, last.path].map((path) => existsSync(path))).toEqual([false, true, true, true])
  })
})
