/**
 * The kinds of values in a configuration. Each carries the description of what is expected as its error text, from which
 * problems are worded. The reference takes titles and examples from their metadata.
 */
import { z } from 'zod'
import { parseDuration } from '../core/duration.ts'

const DURATION = 'a duration with a unit, at most 24d, such as "90s", "10m" or "1h30m"'
const DURATION_PATTERN = /^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$/

/** A duration with a unit. Bare numbers are refused, because nobody remembers their unit. */
export function duration(): z.ZodString {
  return z
    .string({ error: DURATION })
    .regex(DURATION_PATTERN, { error: DURATION })
    .refine((value) => parseDuration(value) !== null, { error: DURATION })
    .meta({ title: 'duration' })
}

/** A whole number between two bounds, inclusive. */
export function whole(min: number, max: number): z.ZodInt {
  const error =
    max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

/** Text with at least one visible character and without NUL, which would cut off an argument. */
export function text(error = 'text that is not empty'): z.ZodString {
  return z
    .string({ error })
    .regex(/\S/, { error })
    .refine(hasNoNul, { error: `${error}, without NUL characters` })
}

export function hasNoNul(value: string): boolean {
  return !value.includes('\0')
}

/** One of several words. */
export function oneOf<const T extends readonly [string, ...string[]]>(...words: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, { error: `one of ${words.join(', ')}` })
}

export function flag(): z.ZodBoolean {
  return z.boolean({ error: 'true or false' })
}

/** A list; `what` is the plural name of its items. */
export function listOf<T extends z.ZodType>(item: T, what: string): z.ZodArray<T> {
  return z.array(item, { error: `a list of ${what}` })
}

/** A mapping of known keys. */
export function mapping<T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, { error: (issue) => (issue.code === 'invalid_type' ? 'a mapping' : undefined) })
}

const INSIDE = 'a path inside the repository, relative to its root, without ".." or ".git"'

/** A path that cannot leave the repository or reach into git's own files. `.` is allowed for folders only. */
export function insidePath(kind: 'path' | 'folder' = 'path'): z.ZodString {
  return z
    .string({ error: INSIDE })
    .regex(/\S/, { error: INSIDE })
    .refine((path) => staysInside(path, kind === 'folder'), { error: INSIDE })
    .meta({ title: 'path' })
}

function staysInside(path: string, rootToo: boolean): boolean {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const foreign = parts.some((part) => part === '..' || part.toLowerCase() === '.git')
  return !path.startsWith('/') && hasNoNul(path) && !foreign && (rootToo || parts.length > 0)
}
