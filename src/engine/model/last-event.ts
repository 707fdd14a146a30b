/** The end of a stream of server-sent events. */
import { Transform } from 'node:stream'

/**
 * Passes a stream of server-sent events on, and ends it with an empty line where its last event is whole but no such line follows
 * it: some services leave it out, and an event without one is dropped by most readers, so that an answer that is there seems to
 * have broken off. An event that did break off stays as it is.
 */
export function endingLastEvent(): Transform {
  let rest: Buffer[] = []
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const end = Math.max(chunk.lastIndexOf('\n\n'), chunk.lastIndexOf('\r\n\r\n'))
      if (end >= 0) rest = []
      rest.push(end >= 0 ? chunk.subarray(end) : chunk)
      done(null, chunk)
    },
    flush(done) {
      done(null, isWholeEvent(Buffer.concat(rest).toString()) ? '\n\n' : null)
    },
  })
}

/** Of what follows the last empty line: that it is one event whose data has come to its end. */
function isWholeEvent(text: string): boolean {
  const lines = text.split(/\r\n|\n|\r/)
  if (lines.at(-1) === '') lines.pop()
  const own = lines.slice(lines.lastIndexOf('') + 1)
  const data = own.flatMap((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? []).join('\n')
  if (data.trim() === '[DONE]') return true
  try {
    JSON.parse(data)
    return true
  } catch {
    return false
  }
}
