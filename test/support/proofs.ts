import { existsSync, readFileSync } from 'node:fs'

/** A claim of a specification, and the tests that would fail if it were false. */
export interface Claim {
  readonly what: string
  /** `FILE: TITLE`, with the title as in the file. */
  readonly by: readonly [string, ...string[]]
}

/**
 * Whether the file has a test with this title that runs wherever it can. A title elsewhere in the file, or of a test that never
 * runs (`it.skip`, `it.todo`, `it.fails`), does not count.
 */
export function isThere(proof: string): boolean {
  const cut = proof.indexOf(': ')
  const [file, title] = [proof.slice(0, cut), proof.slice(cut + 2)]
  if (cut < 0 || title === '' || !existsSync(file)) return false
  return hasTest(readFileSync(file, 'utf8'), title)
}

/**
 * What comes before a test's title: `it(`, `it.each(ROWS)(`, `describe.skipIf(missing)(`, or a backend's name for its suite.
 */
const MAKES = /(?:\b(?:it|test|describe)((?:\.\w+)*)\(|\)\(|describeSandboxConformance\(\{\s*backend:)\s*$/

export function hasTest(text: string, title: string): boolean {
  for (const quote of ["'", '"', '`']) {
    const wanted = quote + title.replaceAll(quote, `\\${quote}`) + quote
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      const made = MAKES.exec(text.slice(0, at))
      if (made !== null && !/\.(skip|todo|fails)\b/.test(made[1] ?? '')) return true
    }
  }
  return false
}
