import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { demultiplex } from './demux.ts'

function frame(content: Buffer): Buffer {
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(content.length, 4)
  return Buffer.concat([header, content])
}

it('waits for a slow reader again and again, and listens once', async () => {
  const [from, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const before = stdout.listenerCount('close')
  const content = Buffer.alloc(stdout.writableHighWaterMark, 'x')
  for (let n = 0; n < 30; n++) from.write(frame(content))
  from.end()
  const handedOn = demultiplex(from, stdout, stderr)
  let [read, most] = [0, 0]
  for await (const chunk of stdout) {
    read += (chunk as Buffer).length
    most = Math.max(most, stdout.listenerCount('close'))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await handedOn
  expect(read).toBe(30 * content.length)
  // One of the test's own, and what reading itself needs.
  expect(most - before).toBeLessThanOrEqual(3)
})

it('goes on when nobody reads any more', async () => {
  const [from, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const handedOn = demultiplex(from, stdout, stderr)
  from.write(frame(Buffer.alloc(stdout.writableHighWaterMark * 4, 'x')))
  from.end()
  stdout.destroy()
  await handedOn
})
