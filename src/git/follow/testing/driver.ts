/**
 * Runs followTarget in a separate process, for tests that kill it. Argument: JSON with the request, the file for the intent,
 * and the step (counted) after which to die.
 */
import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { followTarget, type FollowIntent, type FollowIntents, type FollowRequest } from '../index.ts'

export interface DriverOrder {
  readonly request: Omit<FollowRequest, 'intents' | 'onStep'>
  readonly intentFile: string
  /** Kills this process after this many steps; null: never. */
  readonly dieAfter: number | null
}

/** An intent in a file, which is replaced atomically. */
export function intentsIn(file: string): FollowIntents {
  return {
    read: async () => (existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as FollowIntent) : null),
    async write(intent) {
      await writeFile(`${file}.new`, JSON.stringify(intent))
      await rename(`${file}.new`, file)
    },
    clear: () => rm(file, { force: true }),
  }
}

if (process.argv[1] === import.meta.filename) {
  const order = JSON.parse(process.argv[2] ?? '') as DriverOrder
  let steps = 0
  const outcome = await followTarget({
    ...order.request,
    intents: intentsIn(order.intentFile),
    onStep() {
      steps += 1
      if (steps === order.dieAfter) process.kill(process.pid, 'SIGKILL')
    },
  })
  process.stdout.write(JSON.stringify({ ...outcome, steps }))
}
