import { globToRegExp } from '../../../core/glob.ts'
import { printable } from '../../../core/text.ts'
import type { GlobJob, Say } from './job.ts'
import { walk, type FoundFile, type Walked } from './walk.ts'

/** The most files and folders that one search visits. */
export const ENTRIES_MAX = 300_000

/** Compiles a test for paths. A pattern without a slash is matched against the name alone, at any depth. */
export function pathTest(pattern: string): (path: string, name: string) => boolean {
  const glob = globToRegExp(pattern.replace(/^(\.\/)+/, ''))
  return pattern.includes('/') ? (path) => glob.test(path) : (_, name) => glob.test(name)
}

/** Sorts the newest first, and files of the same time by path. */
export function newestFirst(files: readonly FoundFile[]): FoundFile[] {
  return [...files].sort((a, b) => b.mtimeMs - a.mtimeMs || (a.path < b.path ? -1 : 1))
}

/** Explains why a walk is incomplete. */
export function notesOf({ stopped, unreadable }: Walked): string[] {
  const notes: string[] = []
  if (stopped === 'time') notes.push('stopped at the time limit: look in a smaller folder')
  if (stopped === 'entries') notes.push(`stopped after ${ENTRIES_MAX} files and folders: look in a smaller folder`)
  if (unreadable > 0) notes.push(`${unreadable} folders could not be read`)
  return notes
}

/** Reports the paths of the matching files, newest first. */
export function runGlob({ named, rules, ignored, pattern, limit, timeoutMs }: GlobJob, say: Say): void {
  const limits = { until: performance.now() + timeoutMs, entries: ENTRIES_MAX }
  const walked = walk(named, rules, ignored, pathTest(pattern), limits)
  const files = newestFirst(walked.files)
  const shown = files.slice(0, limit)
  say({ type: 'part', text: shown.map(({ path }) => printable(path)).join('\n'), count: shown.length })
  const more = files.length - shown.length
  say({ type: 'end', notes: [...(more > 0 ? [`truncated: ${more} more files fit`] : []), ...notesOf(walked)] })
}
