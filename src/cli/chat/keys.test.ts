import { array, assert, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BREAK, Keys, typed, type Piece } from './keys.ts'

function feed(...chunks: readonly string[]): string {
  const keys = new Keys()
  return textOf(chunks.flatMap((chunk) => keys.feed(Buffer.from(chunk))))
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join('')
}

describe('keys', () => {
  it('lets keys through as they are', () => {
    expect(feed('abc\r', '\u001b[A', '\u001b', '\t', '\u0003')).toBe('abc\r\u001b[A\u001b\t\u0003')
  })

  it('Alt-Enter and line feeds of what is pasted do not send the line', () => {
    expect(feed('a\u001b\rb\r')).toBe(`a${BREAK}b\r`)
    expect(feed('\u001b[200~one\r\ntwo\nthree\u001b[201~\r')).toBe(`one${BREAK}two${BREAK}three\r`)
    expect(typed(`one${BREAK}two`)).toBe('one\ntwo')
  })

  it('what is pasted is no key: no control characters, no escapes', () => {
    expect(feed('\u001b[200~a\u0003b\u001b[31mc\td\u001b[201~')).toBe('abc    d')
  })

  it('is the same however it is cut into pieces', () => {
    const bytes = Buffer.from('x\u001b[200~é one\r\ntwo日\u001b[201~y\r')
    const whole = textOf(new Keys().feed(bytes))
    assert(
      property(array(integer({ min: 1, max: bytes.length - 1 }), { maxLength: 8 }), (cuts) => {
        const keys = new Keys()
        // After a single escape, nobody can tell whether more will follow, so it counts as a key.
        const at = [0, ...cuts.filter((cut) => cut !== 2).toSorted((a, b) => a - b), bytes.length]
        const out = at.slice(1).flatMap((end, i) => keys.feed(bytes.subarray(at[i], end)))
        expect(textOf(out)).toBe(whole)
        expect(out.filter(({ pasted }) => pasted)).toEqual([{ text: `é one${BREAK}two日`, pasted: true }])
      }),
    )
  })
})
