/**
 * `node hold.ts HOME ID` opens a session and writes `opened`, or the error code if that failed; then it appends an item for
 * every line on stdin.
 */
import { createInterface } from 'node:readline'
import { BelayError } from '../../core/errors.ts'
import { SessionStore } from '../index.ts'

const [home = '', id = ''] = process.argv.slice(2)
try {
  const session = await new SessionStore(home).open(id, 'test')
  process.stdout.write('opened\n')
  let turn = session.entries.length
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'close') break
    if (line === 'flood') for (;;) await session.append({ type: 'item', turn: (turn += 1), item: 'x'.repeat(3000) })
    await session.append({ type: 'history', entry: { line } }, true)
    process.stdout.write(`appended ${line}\n`)
  }
  await session.close()
  process.stdout.write('closed\n')
} catch (error) {
  process.stdout.write(`${error instanceof BelayError ? error.code : String(error)}\n`)
}
