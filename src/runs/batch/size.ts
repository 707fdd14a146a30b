/** Description of a valid size, for error messages. */
export const SIZE = 'a size such as 65536, "200KB" or "1MiB", at most 1GiB'

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, kib: 1 << 10, mib: 1 << 20, gib: 1 << 30 }
const LARGEST = 1 << 30

/** Size in bytes, from a number or from text with a unit; null if the text is not a size. */
export function parseSize(value: number | string): number | null {
  if (typeof value === 'number') return value
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*([KMG]i?B|[KM]B|B)\s*$/i.exec(value) ?? []
  const bytes = Math.floor(Number(amount) * (UNITS[unit?.toLowerCase() ?? ''] ?? Number.NaN))
  return bytes >= 1 && bytes <= LARGEST ? bytes : null
}

export function isSize(value: string): boolean {
  return parseSize(value) !== null
}
