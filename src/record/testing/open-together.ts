/** A thread that opens each of `paths` once all `threads` have reached it, and posts the messages of the errors it got. */
import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase } from '../database.ts'

const { paths, threads, gate } = workerData as { paths: readonly string[]; threads: number; gate: Int32Array }

const failed: string[] = []
for (const [round, path] of paths.entries()) {
  Atomics.add(gate, round, 1)
  while (Atomics.load(gate, round) < threads);
  try {
    openDatabase(path).close()
  } catch (error) {
    failed.push(String(error))
  }
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
parentPort?.postMessage(failed)
