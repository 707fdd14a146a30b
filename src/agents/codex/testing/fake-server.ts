/**
 * A tiny scripted app-server, for answers that the real one only gives on other machines. argv[2] is JSON: `{METHOD: [reply,
 * ...]}`. A reply is `{result}`, `{error}`, `{exit: status}` or `{silent: true}` (no answer at all); `before` lists lines to write
 * first, and `once` names a file: only the server that creates it gives this reply. The last reply of a method repeats. A method
 * that is not listed is answered with `{}`.
 */
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

interface Reply {
  readonly result?: unknown
  readonly error?: unknown
  readonly exit?: number
  readonly silent?: boolean
  readonly once?: string
  readonly before?: readonly unknown[]
}

const script = JSON.parse(process.argv[2] ?? '{}') as Record<string, Reply[]>

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method } = JSON.parse(line) as { readonly id?: number; readonly method?: string }
  if (method === undefined || id === undefined) {
    write({ method: 'test/got', params: JSON.parse(line) })
    continue
  }
  let reply = replyTo(method)
  if (reply.once !== undefined && !creates(reply.once)) reply = replyTo(method)
  for (const message of reply.before ?? []) write(message)
  if (reply.exit !== undefined) process.exit(reply.exit)
  if (reply.silent === true) continue
  write(
    reply.error === undefined
      ? { id, result: reply.result === undefined ? {} : reply.result }
      : { id, error: reply.error },
  )
}

function write(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

function replyTo(method: string): Reply {
  const replies = script[method] ?? []
  return (replies.length > 1 ? replies.shift() : replies[0]) ?? { result: {} }
}

function creates(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'))
    return true
  } catch {
    return false // another server was first
  }
}
