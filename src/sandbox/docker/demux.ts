import type { Duplex, PassThrough } from 'node:stream'

/**
 * Splits the daemon's output stream of a program without a terminal: frames of an eight-byte header (stream, three zeros,
 * length) and content. Waits for a slow reader. Resolves after everything was passed on; always ends both streams.
 */
export async function demultiplex(from: Duplex, stdout: PassThrough, stderr: PassThrough): Promise<void> {
  let header = Buffer.alloc(0)
  let left = 0
  let target = stdout
  try {
    for await (const piece of from as AsyncIterable<Buffer>) {
      let chunk = piece
      while (chunk.length > 0) {
        if (left === 0) {
          const missing = 8 - header.length
          header = Buffer.concat([header, chunk.subarray(0, missing)])
          chunk = chunk.subarray(missing)
          if (header.length < 8) continue
          target = header[0] === 2 ? stderr : stdout
          left = header.readUInt32BE(4)
          header = Buffer.alloc(0)
          continue
        }
        const part = chunk.subarray(0, left)
        chunk = chunk.subarray(part.length)
        left -= part.length
        if (!target.destroyed && !target.write(part)) await roomIn(target)
      }
    }
  } finally {
    stdout.end()
    stderr.end()
  }
}

/** Resolves when a stream can take more, or is closed. */
function roomIn(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      stream.off('drain', go).off('close', go)
      resolve()
    }
    stream.on('drain', go).on('close', go)
  })
}
