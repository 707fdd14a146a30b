import { StringDecoder } from 'node:string_decoder'
import type { Io } from '../io.ts'
import type { Asking } from '../chat/console.ts'

/** How long to wait for input that was typed before a question, in ms, in order to drop it. */
const EARLIER_MS = 30

/**
 * Asks on a terminal that nothing else reads. The terminal is read only while a question is open, because reading it would stop
 * a background job. Ctrl-C remains a signal.
 */
export function terminalAsker(io: Pick<Io, 'note'>): Asking {
  const { stdin, stderr } = process
  let ended = false
  stdin.once('end', () => {
    ended = true
  })
  return {
    interactive: true,
    note: (line) => io.note(line),
    async ask(question, signal) {
      if (ended || signal.aborted) return null
      const { promise, resolve } = Promise.withResolvers<string | null>()
      const decoder = new StringDecoder('utf8')
      let typed = ''
      let asked = false
      const onData = (chunk: Buffer): void => {
        if (!asked) return
        typed += decoder.write(chunk)
        const end = typed.indexOf('\n')
        if (end >= 0) resolve(typed.slice(0, end))
      }
      const nobody = (): void => resolve(null)
      stdin.on('data', onData)
      stdin.once('end', nobody)
      stdin.resume()
      signal.addEventListener('abort', nobody, { once: true })
      const timer = setTimeout(() => {
        asked = true
        stderr.write(question)
      }, EARLIER_MS)
      try {
        const line = await promise
        if (line === null && asked) stderr.write('\n')
        return line
      } finally {
        clearTimeout(timer)
        stdin.off('data', onData)
        stdin.off('end', nobody)
        signal.removeEventListener('abort', nobody)
        stdin.pause()
      }
    },
  }
}
