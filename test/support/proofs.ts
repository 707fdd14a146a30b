import { existsSync, readFileSync } from 'node:fs'

/** A claim of a specification, and the tests that would fail if it broke. */
export interface Claim {
  readonly what: string
  /** `FILE: TITLE`, the title as it stands in the file. */
  readonly by: readonly [string, ...string[]]
}

/**
 * Whether the file has such a test: one that is run wherever it can be. A title that stands in the file otherwise, or only in a
 * test that is never run (`it.skip`, `it.todo`, `it.fails`), proves nothing.
 */
export function isThere(proof: string): boolean {
  const cut = proof.indexOf(': ')
  const [file, title] = [proof.slice(0, cut), proof.slice(cut + 2)]
  if (cut < 0 || title === '' || !existsSync(file)) return false
  return hasTest(readFileSync(file, 'utf8'), title)
}

/** What stands before the title of a test: `it(`, `it.each(ROWS)(`, `describe.skipIf(missing)(`, or a backend's name for its suite. */
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
