import { formatDuration } from '../../core/duration.ts'
import { head, printable } from '../../core/text.ts'
import type { CostKind } from '../../core/words.ts'
import type { TestCounts } from '../../gates/port.ts'

/** Untrusted text on one line: without control characters, white space collapsed, cut at `max` characters. */
export function oneLine(text: string, max: number): string {
  const line = printable(text).replace(/\s+/g, ' ').trim()
  return line.length <= max ? line : `${head(line, max - 1)}…`
}

/** Untrusted text as indented lines: only the last `max` lines, with a remark about the ones left out. */
export function block(text: string, indent: string, max: number): string[] {
  const lines = printable(text).replace(/\n+$/, '').split('\n')
  const shown = lines.slice(-max)
  const left = lines.length - shown.length
  return [
    ...(left > 0 ? [`${indent}[... ${left} lines above ...]`] : []),
    ...shown.map((line) => `${indent}${line}`.trimEnd()),
  ]
}

/** An amount for people: null if it is unknown, with `about` if it is estimated. */
export function money(usd: number | null, kind: CostKind): string | null {
  if (usd === null) return null
  return `${kind === 'estimated' ? 'about ' : ''}$${usd.toFixed(usd < 1 ? 4 : 2)}`
}

/** Test counts: `12 of 14 tests passed, 1 failed, 1 skipped`. */
export function tests(counts: TestCounts): string {
  const rest = [
    counts.failed > 0 ? `, ${counts.failed} failed` : '',
    counts.skipped > 0 ? `, ${counts.skipped} skipped` : '',
  ]
  return `${counts.passed} of ${counts.total} tests passed${rest.join('')}`
}

/** The time between two ISO times, as text; until `now` if there is no end. */
export function between(start: string, end: string | null, now: number): string {
  return formatDuration(Math.max(0, (end === null ? now : Date.parse(end)) - Date.parse(start)))
}

/** An ISO time in the reader's time zone, to the second. */
export function localTime(time: string): string {
  const at = new Date(time)
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** Rows as columns, each as wide as its widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
