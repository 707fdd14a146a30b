import { head, tail } from '../../../core/text.ts'

/** A text cut in its middle. */
export interface Shortened {
  readonly head: string
  readonly tail: string
  /** UTF-16 units left out between the two. */
  readonly dropped: number
}

/** How far a cut may move to reach a line break, as a share of what is kept. */
const SLACK = 0.2

/**
 * Keeps the first and the last half of `max` units of `text`. A cut never splits a surrogate pair, and falls on a line break if
 * one is near. A text that fits is all `head`.
 */
export function shorten(text: string, max: number): Shortened {
  if (text.length <= max) return { head: text, tail: '', dropped: 0 }
  const half = Math.floor(max / 2)
  const first = headLines(text, half)
  const last = tailLines(text, half)
  return { head: first, tail: last, dropped: text.length - first.length - last.length }
}

/** The first `max` units, ending at a line break if one is near. */
export function headLines(text: string, max: number): string {
  const cut = head(text, max)
  const end = cut.lastIndexOf('\n') + 1
  return cut.length < text.length && end > max * (1 - SLACK) ? cut.slice(0, end) : cut
}

/** The last `max` units, starting at a line break if one is near. */
export function tailLines(text: string, max: number): string {
  const cut = tail(text, max)
  const start = cut.indexOf('\n') + 1
  return cut.length < text.length && start > 0 && start < max * SLACK ? cut.slice(start) : cut
}

/**
 * The shortened text for the model, with a note on what was left out. `keptAt`: path of the complete output, if it was kept.
 */
export function joined({ head: first, tail: last, dropped }: Shortened, keptAt: string | null): string {
  if (dropped === 0) return first + last
  const where = keptAt === null ? '' : `; the whole output is in ${keptAt}, see it with read or grep`
  const gap = `[... ${dropped} characters left out${where} ...]`
  return `${first}${first.endsWith('\n') || first === '' ? '' : '\n'}${gap}\n${last}`
}
