/** Completes the end of a stream of server-sent events. */
import { Transform } from 'node:stream'

/**
 * Passes server-sent events through and adds a final empty line if the last event is complete but lacks it. Some services leave
 * this line out, and most readers drop such an event, which makes a complete answer look interrupted. An incomplete event stays
 * as it is.
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

/** Whether the text after the last empty line is one event with complete data. */
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
