import { quoteShell } from '../../git/quote.ts'
import type { Lease, RecordStore, RunRow } from '../../record/index.ts'
import type { BatchConfig } from '../../runs/batch/config.ts'
import { driveBatch, holdBatch, type BatchResult } from '../../runs/batch/drive.ts'
import { listenForInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { watchRun } from '../run/watch.ts'
import { resultText } from './text.ts'

export interface BatchWorkOptions {
  readonly json: boolean
  readonly verbose: boolean
  /** Return (exit 5) instead of waiting for an exhausted quota. */
  readonly noWait: boolean
  /** The first event to show. */
  readonly from?: number
}

/**
 * Works on a stored batch run in the foreground: shows its events, ends in an orderly way on Ctrl-C, prints the result and sets
 * the exit status. `lease`: the batch's, if the caller already holds it. Throws as `driveBatch`.
 */
export async function workOnBatch(
  io: Io,
  record: RecordStore,
  run: RunRow,
  options: BatchWorkOptions,
  lease?: Lease,
): Promise<void> {
  const config = run.config as BatchConfig
  if (!lease) return holdBatch(record, config, (taken) => workOnBatch(io, record, run, options, taken))
  const { json, verbose, noWait, from } = options
  const watch = await watchRun(io, record, run, { json, verbose }, from)
  const interrupts = listenForInterrupts(watch)
  let result: BatchResult
  try {
    const note = (text: string): void => io.note(`warning: ${text}`)
    result = await driveBatch({ record, run, env: io.env, noWait, note, signal: interrupts.signal }, lease)
  } finally {
    await watch.stop()
    interrupts.dispose()
  }
  io.exitCode = result.exitCode
  if (!json) for (const line of resultText(result, quoteShell(config.file))) io.out(line)
}
