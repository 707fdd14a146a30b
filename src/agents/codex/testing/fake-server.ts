/**
 * A tiny scripted app-server, for answers that the real one only gives on other machines. argv[2] is JSON: `{METHOD: [reply,
 * ...]}`. A reply is `{result}`, `{error}` or `{exit: status}`; `before` lists lines to write first. The last reply of a method
 * repeats. A method that is not listed is answered with `{}`.
 */
import { createInterface } from 'node:readline'

interface Reply {
  readonly result?: unknown
  readonly error?: unknown
  readonly exit?: number
  readonly before?: readonly unknown[]
}

const script = JSON.parse(process.argv[2] ?? '{}') as Record<string, Reply[]>

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line) as { readonly id?: number; readonly method?: string }
  if (method === undefined || id === undefined) {
    write({ method: 'test/got', params: JSON.parse(line) })
    continue
  }
  const replies = script[method] ?? []
  const reply = (replies.length > 1 ? replies.shift() : replies[0]) ?? { result: {} }
  for (const message of reply.before ?? []) write(message)
  if (reply.exit !== undefined) process.exit(reply.exit)
  write(
    reply.error === undefined
      ? { id, result: reply.result === undefined ? {} : reply.result }
      : { id, error: reply.error },
  )
}

function write(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
