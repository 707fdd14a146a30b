const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The longest delay that Node's timers support (2^31 - 1 ms, about 24.8 days). */
const MAX_MS = 2_147_483_647

/**
 * Whole milliseconds of a duration such as `500ms`, `10m` or `1h30m`; null: `text` is no duration, less than half a millisecond,
 * or too long for a timer.
 */
export function parseDuration(text: string): number | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy)]
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== text.trim()) return null
  let total = 0
  for (const [, amount, unit] of parts) total += Number(amount) * (UNITS[unit ?? ''] ?? Number.NaN)
  const ms = Math.round(total)
  return ms > 0 && ms <= MAX_MS ? ms : null
}

/** A duration as short text for people: `340ms`, `12s`, `3m05s`, `2h10m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s}s`
  const m = Math.floor(s / 60)
  if (m < 60) return `${m}m${String(s % 60).padStart(2, '0')}s`
  return `${Math.floor(m / 60)}h${String(m % 60).padStart(2, '0')}m`
}
