import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replaceText } from './replace-text.ts'

const piece = fc
  .array(fc.constantFrom('a', 'b', 'ä', '😀', '\n', ' '), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''))
const content = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''))

function count(text: string, wanted: string): number {
  return text.split(wanted).length - 1
}

describe('replacing text', () => {
  it('is what replacing characters does, once or everywhere, or says why not', () => {
    fc.assert(
      fc.property(content, piece, piece, fc.boolean(), (whole, old, next, all) => {
        const result = replaceText(Buffer.from(whole), old, next, all)
        const places = count(whole, old)
        if (old === next) expect(result).toContain('are the same')
        else if (places === 0) expect(result).toContain('not in the file')
        else if (places > 1 && !all) expect(result).toContain(`there ${places} times`)
        else {
          expect(result).toMatchObject({ count: places })
          expect(typeof result === 'object' && result.bytes.toString('utf8')).toBe(whole.replaceAll(old, () => next))
        }
      }),
    )
  })

  it('in a file with CR LF is the same as in one with LF, with its line ends', () => {
    fc.assert(
      fc.property(content, piece, piece, (whole, old, next) => {
        fc.pre(whole.includes('\n'))
        const unix = replaceText(Buffer.from(whole), old, next, true)
        const windows = replaceText(Buffer.from(whole.replaceAll('\n', '\r\n')), old, next, true)
        if (typeof unix === 'string') expect(typeof windows).toBe('string')
        else
          expect(typeof windows === 'object' && windows.bytes.toString()).toBe(
            unix.bytes.toString().replaceAll('\n', '\r\n'),
          )
      }),
    )
  })

  it('leaves every other byte as it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (before, after) => {
        const marker = Buffer.from('=marker=')
        const parts = [Buffer.from(before), marker, Buffer.from(after)]
        const result = replaceText(Buffer.concat(parts), '=marker=', 'x', false)
        const expected = Buffer.concat([Buffer.from(before), Buffer.from('x'), Buffer.from(after)])
        expect(typeof result === 'object' && result.bytes.equals(expected)).toBe(true)
      }),
    )
  })

  it('a dollar sign is a dollar sign', () => {
    const result = replaceText(Buffer.from('price: X'), 'X', '$& $1 $$', false)
    expect(typeof result === 'object' && result.bytes.toString()).toBe('price: $& $1 $$')
  })
})
