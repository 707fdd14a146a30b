/**
 * When a usage limit resets, from the CLI's message for people, for versions and cases without a structured time:
 * `...|1795256669`, `resets 10:24am (UTC)`, `resets 3pm (Europe/Berlin)`, `resets Nov 24, 10am (UTC)`. Returns an ISO time;
 * null: none is named. A time of day is the next such time after `now` (ms).
 */
export function resetTimeIn(text: string, now: number): string | null {
  const epoch = /\|(\d{10})\b/.exec(text)?.[1]
  if (epoch !== undefined) return new Date(Number(epoch) * 1000).toISOString()
  const found =
    /\bresets?\s+(?:at\s+|on\s+)?(?:([A-Z][a-z]{2})[a-z]*\.?\s+(\d{1,2})(?:,|\s+at)?\s+)?(\d{1,2})(?::(\d{2}))?\s*([ap]m)\b(?:\s*\(([^)]+)\))?/i.exec(
      text,
    )
  if (!found) return null
  const [, monthName, day, hour12 = '', minute = '0', half = '', zone = 'UTC'] = found
  const hour = (Number(hour12) % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
  const today = wallClock(now, zone)
  if (today === null) return null
  const month = monthName === undefined ? today.month : MONTHS.indexOf(monthName.toLowerCase())
  if (month < 0) return null
  const date = day === undefined ? today.day : Number(day)
  // If the time has passed, it means tomorrow or next year. Days and years differ in length, so the calendar decides.
  for (const later of [0, 1]) {
    const year = today.year + (day === undefined ? 0 : later)
    const at = instant(Date.UTC(year, month, date + (day === undefined ? later : 0), hour, Number(minute)), zone)
    if (at > now) return new Date(at).toISOString()
  }
  return null
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/**
 * The instant at which clocks in `zone` show what `wall` shows in UTC. The second round corrects for a change of clocks nearby.
 */
function instant(wall: number, zone: string): number {
  let at = wall
  for (let round = 0; round < 2; round++) at += wall - (wallClock(at, zone)?.shown ?? at)
  return at
}

/** What clocks in `zone` show at `at`; null: there is no such zone. */
function wallClock(at: number, zone: string): { year: number; month: number; day: number; shown: number } | null {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
  } catch {
    return null // the text named something that is not a time zone
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts
  return { year, month: month - 1, day, shown: Date.UTC(year, month - 1, day, hour, minute) + (at % 60_000) }
}
