import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { openNats } from './nats.ts'

it('a server that answers when nobody waits for it any more is left again', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = new AbortController()
  const opening = openNats({ url: `nats://127.0.0.1:${port}` }, {}, stop.signal)
  const [socket] = (await once(server, 'connection')) as [Socket]
  socket.on('error', () => {}) // it is disconnected on purpose
  stop.abort()
  await expect(opening).rejects.toThrow('given up')
  const info = {
    server_id: 'S',
    version: '2.12.0',
    proto: 1,
    max_payload: 1024,
    headers: true,
    host: '127.0.0.1',
    port,
  }
  socket.on('data', (chunk: Buffer) => {
    if (chunk.includes('PING')) socket.write('PONG\r\n')
  })
  socket.write(`INFO ${JSON.stringify(info)}\r\n`)
  await once(socket, 'close')
  server.close()
})
