import { BelayError, messageOf } from '../../../core/errors.ts'

/** Compiles a search pattern. A leading `(?i)`, as other engines have it, is understood. Throws `bad_pattern`. */
export function patternOf(text: string, ignoreCase: boolean): RegExp {
  const inline = text.startsWith('(?i)')
  const source = inline ? text.slice(4) : text
  try {
    return new RegExp(source, `${ignoreCase || inline ? 'i' : ''}${/\\p\{/i.test(source) ? 'u' : ''}`)
  } catch (error) {
    throw new BelayError('bad_pattern', messageOf(error), { expected: 'a JavaScript regular expression' })
  }
}
