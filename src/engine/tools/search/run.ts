import { Worker } from 'node:worker_threads'
import { messageOf } from '../../../core/errors.ts'
import { programFile } from '../../../core/program-file.ts'
import type { Job, Said } from './job.ts'

export interface SearchResult {
  readonly parts: readonly string[]
  readonly count: number
  readonly notes: readonly string[]
  /** Why there is no result; null: there is one, possibly empty. */
  readonly problem: string | null
}

/** How long past its time limit a search may take to notice. */
const GRACE_MS = 1500
/** How long a thread may take to start; this does not count as search time. */
const BEGIN_MS = 30_000

/** Runs a search in a thread. One that exceeds its time limit is terminated; what it found by then is the result. */
export function runSearch(job: Job, signal: AbortSignal): Promise<SearchResult> {
  return new Promise((resolve) => {
    const parts: string[] = []
    let count = 0
    const worker = new Worker(programFile('engine/tools/search/worker'), {
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    const finish = (notes: readonly string[], problem: string | null): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      void worker.terminate()
      resolve({ parts, count, notes, problem })
    }
    const onAbort = (): void => finish([], 'the call was aborted')
    let timer = setTimeout(() => finish([], 'the search did not begin: the machine is too busy'), BEGIN_MS)
    const watch = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        const what = job.kind === 'grep' ? 'the pattern takes too long on some line' : 'the pattern takes too long'
        finish([`ended at the time limit of ${job.timeoutMs} ms: ${what}`], null)
      }, job.timeoutMs + GRACE_MS)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    worker.on('message', (said: Said) => {
      if (said.type === 'begin') watch()
      else if (said.type === 'part') {
        if (said.text !== '') parts.push(said.text)
        count += said.count
      } else finish(said.type === 'end' ? said.notes : [], said.type === 'problem' ? said.message : null)
    })
    worker.on('error', (error) => finish([], `the search failed: ${messageOf(error)}`))
    if (signal.aborted) onAbort()
  })
}
