import { closeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { printable } from '../../../core/text.ts'
import { isSecret } from '../paths/names.ts'
import type { Folder } from '../paths/folder.ts'
import { openIn, openToList, openToRead, type OpenFile } from '../paths/open.ts'
import { judgePath } from '../paths/rules.ts'
import { ENTRIES_MAX, newestFirst, notesOf, pathTest } from './glob-job.ts'
import { grepFile } from './grep-file.ts'
import type { GrepJob, Say } from './job.ts'
import { patternOf } from './pattern.ts'
import { walk } from './walk.ts'

const LATE = 'stopped at the time limit: look in a smaller folder, or in fewer files with include'

/** Reports the matching lines, file by file, newest file first. */
export function runGrep(job: GrepJob, say: Say): void {
  const pattern = patternOf(job.pattern, job.ignoreCase)
  const until = performance.now() + job.timeoutMs
  const { paths, notes } = filesOf(job, until)
  let count = 0
  let size = 0
  let secret = 0
  let failed = 0
  const files = new Opener(job)
  for (const path of paths) {
    if (performance.now() > until) {
      notes.push(LATE)
      break
    }
    const isNamed = path === ''
    // A secret file is only searched if it was requested by its own name.
    if (!isNamed && isSecret(path)) {
      secret += 1
      continue
    }
    let open
    try {
      open = isNamed ? openToRead(job.named, job.rules) : files.open(path)
    } catch (error) {
      if (isNamed) throw error
      failed += 1
      continue
    }
    try {
      const limits = { until, count: job.limit - count, text: job.maxText - size }
      const found = grepFile({ fd: open.fd, size: Number(open.stat.size) }, pattern, job.context, limits)
      if (found.binary && isNamed) notes.push('a binary file: not searched')
      if (found.count > 0) {
        const text = `${printable(path || basename(job.named))}\n${found.text}`
        say({ type: 'part', text, count: found.count })
        count += found.count
        size += text.length
      }
      if (found.stopped !== null) {
        notes.push(
          found.stopped === 'time' ? (isNamed ? 'stopped at the time limit' : LATE) : 'truncated: there may be more',
        )
        break
      }
    } finally {
      closeSync(open.fd)
    }
  }
  files.close()
  if (secret > 0) notes.push(`${secret} files that look secret were left out`)
  if (failed > 0) notes.push(`${failed} files could not be read`)
  say({ type: 'end', notes })
}

/** Paths below `named`; a single empty path if `named` is itself a file. */
function filesOf({ named, rules, ignored, include }: GrepJob, until: number): { paths: string[]; notes: string[] } {
  const wanted = include === null ? () => true : pathTest(include)
  try {
    const walked = walk(named, rules, ignored, wanted, { until, entries: ENTRIES_MAX })
    const files = newestFirst(walked.files).filter(({ isLink }) => !isLink)
    return { paths: files.map(({ path }) => path), notes: notesOf(walked) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return { paths: [''], notes: [] }
    throw error
  }
}

/** Opens files that a walk has found. Most lie in the same folder as the one before, so that folder is kept open. */
class Opener {
  readonly #job: GrepJob
  #at: string | null = null
  #in: { readonly folder: Folder; readonly path: string } | null = null

  constructor(job: GrepJob) {
    this.#job = job
  }

  open(path: string): OpenFile {
    const at = dirname(path)
    if (at !== this.#at || this.#in === null) {
      this.close()
      this.#in = openToList(join(this.#job.named, at), this.#job.rules)
      this.#at = at
    }
    const { folder, path: where } = this.#in
    const real = join(where, basename(path))
    if (judgePath(real, real, 'read', this.#job.rules).decision === 'deny') throw new Error(`not to be read: ${real}`)
    return openIn(folder, basename(path), real)
  }

  close(): void {
    this.#in?.folder.close()
    this.#in = null
  }
}
