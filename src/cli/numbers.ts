import { BelayError } from '../core/errors.ts'

/** The value of a flag that counts from 1; null if it was not given. Throws `usage` for anything else. */
export function countFlag(flag: string, value: string | undefined): number | null {
  if (value === undefined) return null
  if (/^[1-9]\d{0,15}$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value)
  throw new BelayError('usage', `${flag} takes a whole number from 1`, {
    expected: 'a whole number from 1',
    received: value,
  })
}
