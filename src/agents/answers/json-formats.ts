import { isIPv4, isIPv6 } from 'node:net'

/**
 * The `format` values of JSON Schema that Belay checks. A schema with any other is refused: it would silently let everything
 * through.
 */
export const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  time: isTime,
  'date-time': (text) => {
    const [, date = '', time = ''] = /^(.{10})[tT ](.+)$/.exec(text) ?? []
    return isDate(date) && isTime(time)
  },
  duration: (text) => /^P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?)$/.test(text),
  email: (text) => /^[^\s@<>()[\],;:"\\]{1,64}@[^\s@]+$/.test(text) && isHostname(text.slice(text.indexOf('@') + 1)),
  hostname: isHostname,
  ipv4: isIPv4,
  ipv6: isIPv6,
  uri: (text) => /^[a-z][a-z0-9+.-]*:/i.test(text) && isUri(text),
  'uri-reference': isUri,
  uuid: (text) => /^(urn:uuid:)?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text),
  'json-pointer': (text) => /^(\/([^~/]|~[01])*)*$/.test(text),
  regex: (text) => {
    try {
      return new RegExp(text, 'u') instanceof RegExp
    } catch {
      return false
    }
  },
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)?.map(Number) ?? []
  if (year === undefined || month === undefined || day === undefined) return false
  const date = new Date(Date.UTC(2000, month - 1, day))
  date.setUTCFullYear(year, month - 1, day)
  return month >= 1 && month <= 12 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day && day > 0
}

function isTime(text: string): boolean {
  const [, hour, minute, second, , offHour = 0, offMinute = 0] =
    /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:z|([+-])(\d\d):(\d\d))$/i.exec(text)?.map((part) => Number(part)) ?? []
  if (hour === undefined || minute === undefined || second === undefined) return false
  return hour < 24 && minute < 60 && second <= 60 && !(offHour > 23) && !(offMinute > 59)
}

function isHostname(text: string): boolean {
  return text.length <= 253 && text.split('.').every((part) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(part))
}

/** Checks for characters that a URI may not contain, and for incomplete escapes. */
function isUri(text: string): boolean {
  return /^(?:[a-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9a-f]{2})*$/i.test(text)
}
