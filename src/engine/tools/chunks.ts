import { read } from 'node:fs'
import { promisify } from 'node:util'

const readInto = promisify(read)
const SIZE = 256 << 10

/**
 * The bytes of an open file from its beginning. A chunk is only valid until the next one is requested. The file stays open.
 * Throws the signal's reason on abort.
 */
export async function* chunksOf(fd: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(SIZE)
  for (let at = 0; ;) {
    signal.throwIfAborted()
    const { bytesRead } = await readInto(fd, buffer, 0, SIZE, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}
