/** NATS subjects: words separated by dots, some of them taken from the event. */
import type { Envelope } from './envelope.ts'

const PARTS = {
  host: (one: Envelope) => one.host,
  project: (one: Envelope) => one.project_id,
  run: (one: Envelope) => one.run_id,
  task: (one: Envelope) => one.task,
  session: (one: Envelope) => one.session_id,
  type: (one: Envelope) => one.type,
} as const

export const SUBJECT = `a subject such as "belay.{project}.{run}.{type}" (${Object.keys(PARTS)
  .map((name) => `{${name}}`)
  .join(', ')})`
export const DEFAULT_SUBJECT = 'belay.{project}.run.{run}.stream'
export const DEFAULT_SESSION_SUBJECT = 'belay.session.{session}.stream'

/** Whether `template` uses known names only, and results in a subject that can be published to. */
export function isSubject(template: string): boolean {
  const plain = template.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(PARTS, name) ? 'x' : whole,
  )
  return plain.length <= 200 && /^[^\s.*>{}\p{Cc}]+(\.[^\s.*>{}\p{Cc}]+)*$/u.test(plain)
}

/**
 * The subject of an event. A type keeps its dots, so that `belay.*.*.task.>` works; any other value becomes one word, a missing
 * one `-`.
 */
export function subjectOf(template: string, one: Envelope): string {
  return template.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => {
    const value = PARTS[name as keyof typeof PARTS](one) ?? '-'
    const clean = value.replaceAll(name === 'type' ? /[^\w.-]/g : /[^\w-]/g, '_').replaceAll(/^\.+|\.+$|\.(?=\.)/g, '')
    return clean === '' ? '-' : clean.slice(0, 100)
  })
}
