import { openRepository } from '../../git/repository.ts'
import type { RecordStore, RunRow } from '../../record/index.ts'
import { driveWorkflow, type WorkflowResult } from '../../runs/workflow/drive.ts'
import type { WorkflowConfig } from '../../runs/workflow/config.ts'
import { listenForInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { sayNext } from '../run/say-next.ts'
import { watchRun } from '../run/watch.ts'
import { resultText } from './text.ts'

export interface WorkflowWorkOptions {
  readonly json: boolean
  readonly verbose: boolean
  /** Return (exit 5) instead of waiting for a timer or an exhausted quota. */
  readonly noWait: boolean
  /** The first event to show. */
  readonly from?: number
}

/**
 * Works on a stored workflow run in the foreground: shows its events, ends in an orderly way on Ctrl-C, prints its output and
 * sets the exit status. Throws as `driveWorkflow`.
 */
export async function workOnWorkflow(
  io: Io,
  record: RecordStore,
  run: RunRow,
  options: WorkflowWorkOptions,
): Promise<void> {
  const { json, verbose, noWait, from } = options
  const { place } = run.config as WorkflowConfig
  const repository = place === 'repository' ? await openRepository(io.cwd) : null
  const watch = await watchRun(io, record, run, { json, verbose }, from)
  const interrupts = listenForInterrupts(watch)
  let result: WorkflowResult
  try {
    const note = (text: string): void => io.note(`warning: ${text}`)
    result = await driveWorkflow({ record, run, repository, env: io.env, noWait, note, signal: interrupts.signal })
  } finally {
    await watch.stop()
    interrupts.dispose()
  }
  io.exitCode = result.exitCode
  if (json) return
  const { lines, output } = resultText(run, result)
  for (const line of lines) io.note(line)
  if (output !== null) io.out(output)
  if (io.exitCode !== 0) await sayNext(io, record, run)
}
