/** Connects lines of stdout to the official SDK, which only gets messages that it can handle. */
import type { AnyMessage, Stream } from '@agentclientprotocol/sdk'
import type { Frame } from '../stdio/index.ts'

/** The only client method that Belay answers; the SDK rejects all others as unknown. */
const PERMISSION = 'session/request_permission'

export interface Wire {
  readonly stream: Stream
  /**
   * Classifies an incoming message: `update` (the caller reads it), `result` (of our request, already passed on), `taken`
   * (passed on), `unknown` (passed on if it needs an answer).
   */
  receive(frame: Frame): 'update' | 'result' | 'taken' | 'unknown'
  /** The method of our request that was answered; valid only directly after `receive` returned `result`. */
  answered(): string
  close(): void
}

/** Makes a stream for the SDK: it writes with `send`, and reads what `receive` is given. */
export function openWire(send: (frame: unknown) => void): Wire {
  const pending = new Map<unknown, string>()
  let controller: ReadableStreamDefaultController<AnyMessage> | null = null
  let last = ''
  let closed = false
  const readable = new ReadableStream<AnyMessage>({ start: (opened) => void (controller = opened) })
  const writable = new WritableStream<AnyMessage>({
    write(message) {
      if (closed) return
      if ('method' in message && 'id' in message) pending.set(message.id, message.method)
      send(message)
    },
  })
  const pass = (frame: Frame): void => {
    if (!closed) controller?.enqueue({ ...frame, jsonrpc: '2.0' } as unknown as AnyMessage)
  }
  return {
    stream: { readable, writable },
    answered: () => last,
    receive(frame) {
      const { id, method } = frame
      if (typeof method === 'string') {
        if (id === undefined) return method === 'session/update' ? 'update' : passed(frame, method)
        pass(frame)
        return method === PERMISSION ? 'taken' : 'unknown'
      }
      const asked = pending.get(id)
      if (asked === undefined || !('result' in frame || 'error' in frame)) return 'unknown'
      pending.delete(id)
      last = asked
      pass(frame)
      return 'result'
    },
    close() {
      if (closed) return
      closed = true
      controller?.close()
    },
  }

  function passed(frame: Frame, method: string): 'taken' | 'unknown' {
    if (method !== '$/cancel_request') return 'unknown'
    pass(frame)
    return 'taken'
  }
}
