import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { OpencodeClient } from './client.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

it('keeps a stream of events that is not read yet, whatever is collected meanwhile', async () => {
  let stream: ServerResponse | null = null
  const server = createServer((_, response) => {
    stream = response
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = new AbortController()
  try {
    const events = await new OpencodeClient(`http://127.0.0.1:${port}`, 'password', stop.signal).events()
    for (let round = 0; round < 5; round++) {
      collect()
      await new Promise((resolve) => setImmediate(resolve))
    }
    ;(stream as ServerResponse | null)?.write('data: {"type":"one"}\n\n')
    expect((await events.next()).value).toMatchObject({ event: { type: 'one' } })
  } finally {
    stop.abort()
    server.closeAllConnections()
    server.close()
  }
})
