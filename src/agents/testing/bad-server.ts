/**
 * A program that serves opencode's HTTP API and events badly: `bad-server.ts FAULT serve --hostname=... --port=N`. It has the
 * faults of bad-agent.ts, and these. `quits-opening`, `quits-asked`: it exits when a conversation is opened, or when the turn
 * starts. `closed`: the stream of events ends during the turn, but the server stays; `broken`: it breaks off; `hidden`: it
 * breaks off, and the server listens no more. `absurd`: it says that it retries at a time that no date can have. `taken`: on its
 * first start the port is not free (the file BAD_SERVER_ONCE marks later starts).
 */
import { existsSync, writeFileSync } from 'node:fs'

import { createServer, type ServerResponse } from 'node:http'

type Frame = Readonly<Record<string, unknown>>

const fault = process.argv[2] ?? ''
const port = Number(/^--port=(\d+)$/.exec(process.argv.at(-1) ?? '')?.[1])
const MANY = 100 << 20
const AT = { sessionID: 's1' }

let stream: ServerResponse | null = null

function tell(type: string, properties: Frame): void {
  stream?.write(`data: ${JSON.stringify({ type, properties: { ...AT, ...properties } })}\n\n`)
}

function say(text: string): void {
  tell('message.updated', { info: { id: 'm1', role: 'assistant' } })
  tell('message.part.updated', { part: { id: text, messageID: 'm1', type: 'text', text, time: { end: 1 } } })
}

function end(): void {
  tell('session.status', { status: { type: 'idle' } })
}

function perform(): void {
  tell('session.status', { status: { type: 'busy' } })
  say('hello')
  if (fault === 'twice') say('hello')
  if (fault === 'huge') stream?.write(`data: {"type":"huge","text":"${'x'.repeat(MANY)}"}\n\n`)
  if (fault === 'lost') {
    stream?.end(() => process.exit(0))
    return
  }
  if (fault === 'closed') {
    stream?.end()
    return
  }
  if (fault === 'broken' || fault === 'hidden') {
    if (fault === 'hidden') {
      server.close()
      setInterval(() => {}, 60_000) // the process stays
    }
    stream?.destroy()
    return
  }
  if (fault === 'absurd') {
    tell('session.status', { status: { type: 'retry', attempt: 1, message: 'Rate limit reached', next: 1e300 } })
    return
  }
  end()
  if (fault === 'twice') end()
  if (fault === 'after') {
    say('late')
    end()
  }
}

const once = process.env['BAD_SERVER_ONCE']
if (fault === 'taken' && once !== undefined && !existsSync(once)) {
  writeFileSync(once, '')
  process.stderr.write(`Error: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`)
  process.exit(1)
}

const server = createServer((request, response) => {
  const { method, url } = request
  request.resume()
  if (method === 'GET' && url === '/event') {
    stream = response.writeHead(200, { 'content-type': 'text/event-stream' })
    stream.write('data: {"type":"server.connected","properties":{}}\n\n')
    return
  }
  if (method === 'POST' && url === (fault === 'quits-asked' ? '/session/s1/prompt_async' : '/session')) {
    if (fault.startsWith('quits')) process.exit(1)
  }
  if (method === 'POST' && url === '/session') {
    response.end(JSON.stringify({ id: 's1', version: '0' }))
    return
  }
  response.writeHead(204).end()
  if (url === '/session/s1/prompt_async') perform()
})
server.listen(port, '127.0.0.1', () => {
  process.stdout.write(fault === 'deaf' ? 'deaf\n' : `opencode server listening on http://127.0.0.1:${port}\n`)
})
