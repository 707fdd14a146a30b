/** The thread of one search. Terminating it ends whatever hangs, such as a regular expression. */
import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from '../failure.ts'
import { runGlob } from './glob-job.ts'
import { runGrep } from './grep-job.ts'
import type { Job, Say } from './job.ts'

const say: Say = (said) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(said)
}

const job = workerData as Job
say({ type: 'begin' })
try {
  if (job.kind === 'glob') runGlob(job, say)
  else runGrep(job, say)
} catch (error) {
  // An expression can be too large for the engine, which only reports it when it runs.
  const isPattern = error instanceof SyntaxError || error instanceof RangeError
  say({ type: 'problem', message: isPattern ? `the pattern cannot be used: ${error.message}` : failureOf(error) })
}
