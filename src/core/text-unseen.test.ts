import { expect, it } from 'vitest'
import { printable, spelledOut } from './text.ts'

it('printable text cannot steer a terminal, nor turn the direction of what is read', () => {
  const hostile = 'a\u001b[2Jb\u001b]0;t\u0007c\u009b1md\re\u202ef\u2066g\u2069'
  expect(printable(hostile)).toBe('ab]0;tc1mdefg')
  expect(printable('\u05e9\u05dc\u05d5\u05dd \u{1F469}\u200d\u{1F4BB} e\u0301\n\t.')).toBe(
    '\u05e9\u05dc\u05d5\u05dd \u{1F469}\u200d\u{1F4BB} e\u0301\n\t.',
  )
})

it('what is to be judged is spelled out where it does not show', () => {
  expect(spelledOut('rm -rf a\u001b[2K\r\u202e \u200bb\u{e0041}\n\tc')).toBe(
    String.raw`rm -rf a\u{1b}[2K\u{d}\u{202e} \u{200b}b\u{e0041}` + '\n\tc',
  )
  expect(spelledOut('é 漢字 \u{1F600}')).toBe('é 漢字 \u{1F600}')
})
