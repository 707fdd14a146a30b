import { randomBytes } from './crypto.ts'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** `length` random characters from 32 digits and letters without look-alikes; safe in file names, git refs and arguments. */
export function randomId(length: number): string {
  return [...randomBytes(length)].map((byte) => ALPHABET[byte & 31]).join('')
}

/** Whether a text has the form of a run id. */
export function isRunId(text: string): boolean {
  return /^\d{8}-\d{6}-[0-9a-z]{6}$/.test(text)
}

/** A run id: sorts by time to the second, is unique by six random characters, and is valid in a git ref name. `now` in ms. */
export function newRunId(now: number): string {
  const stamp = new Date(now)
    .toISOString()
    .replace(/[-:]|\..*$/g, '')
    .replace('T', '-')
  return `${stamp}-${randomId(6)}`
}
