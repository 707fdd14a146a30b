/** Cutting and fencing of untrusted text. Sizes are UTF-16 code units; surrogate pairs are never split. */

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

/** The first `max` units of `text`, one fewer where the cut would split a surrogate pair. */
export function head(text: string, max: number): string {
  if (text.length <= max) return text
  const end = max > 0 && isHighSurrogate(text.charCodeAt(max - 1)) ? max - 1 : max
  return text.slice(0, end)
}

/** The last `max` units of `text`, one fewer where the cut would split a surrogate pair. */
export function tail(text: string, max: number): string {
  if (text.length <= max) return text
  let start = text.length - max
  if (start > 0 && isHighSurrogate(text.charCodeAt(start - 1))) start += 1
  return text.slice(start)
}

/** `text` cut to about `max` units by leaving out its middle, with a note of how much is missing. */
export function cap(text: string, max: number): string {
  if (text.length <= max) return text
  const half = Math.floor(max / 2)
  const first = head(text, half)
  const last = tail(text, half)
  return `${first}\n[... ${text.length - first.length - last.length} characters left out ...]\n${last}`
}

/**
 * `text` in a code fence that is longer than any run of backticks inside, so that untrusted text cannot close its own fence.
 * `info` is the fence's info string.
 */
export function fence(text: string, info = ''): string {
  let longest = 2
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length)
  const marks = '`'.repeat(longest + 1)
  return `${marks}${info}\n${text.endsWith('\n') || text === '' ? text : `${text}\n`}${marks}`
}

/** The first line of `text`, cut between words to at most `max` units. */
export function subjectLine(text: string, max: number): string {
  const line = text.trim().split(/\r?\n/, 1)[0]?.trim().replace(/\s+/g, ' ') ?? ''
  if (line.length <= max) return line
  const cut = head(line, max)
  const space = cut.lastIndexOf(' ')
  return (line[cut.length] === ' ' || space <= 0 ? cut : cut.slice(0, space)).trimEnd()
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

// oxlint-disable-next-line no-control-regex -- so is the beginning of an escape sequence
const ESCAPE = /\u001b\[[0-9;?]*[ -/]*[@-~]/g

/**
 * `text` without escape sequences, control characters (except line feed and tab) and marks that change the writing direction:
 * untrusted text that is safe to print in a terminal.
 */
export function printable(text: string): string {
  return text.replace(ESCAPE, '').replace(CONTROL, '')
}

/** Invisible characters and those that move others: controls, direction marks, zero width, tags; not line feed or tab. */
const UNSEEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu

/** `text` with every invisible character written out (`\u{202e}`), for what a person has to judge word by word. */
export function spelledOut(text: string): string {
  return text.replace(UNSEEN, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`)
}

/** Edit distance (Levenshtein), for "did you mean" hints. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The candidate most similar to `word`; null: none is similar enough to be a misspelling of it. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const d = distance(word.toLowerCase(), candidate.toLowerCase())
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best
}
