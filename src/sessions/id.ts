import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'

/** Longest id, which leaves room for file names that contain it. */
const MAX_ID = 100

const EXPECTED = `1 to ${MAX_ID} of the characters A-Z a-z 0-9 . _ -, not beginning with "-", not only dots`

/** Whether `id` can name a session: a plain file name in every shell, ref and folder. */
export function isSessionId(id: string): boolean {
  return /^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(id) && id.length <= MAX_ID && !/^\.+$/.test(id)
}

/** Returns `id`; throws `session_id_invalid` if it could name anything but a folder of its own. */
export function checkSessionId(id: string): string {
  if (isSessionId(id)) return id
  throw new BelayError('session_id_invalid', 'that is not a session id', { expected: EXPECTED, received: id })
}

/** A new id: sorts by time to the second, and is unique by six random characters. `now` in ms. */
export function newSessionId(now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[-:]|\..*$/g, '')
  return `${stamp.replace('T', '-')}-${randomId(6)}`
}

/** Where sessions are kept: outside of every folder in which agents work. */
export function sessionsRoot(home: string): string {
  return join(home, 'sessions')
}

/** A session's folder; throws `session_id_invalid`. */
export function sessionFolder(home: string, id: string): string {
  return join(sessionsRoot(home), checkSessionId(id))
}
