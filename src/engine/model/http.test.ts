import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { Headers } from './headers.ts'
import { httpFetch } from './http.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => void server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/x?y=1`
}

describe('httpFetch', () => {
  it('sends method, headers and text as they are, and gives status, headers and body back', async () => {
    const seen: unknown[] = []
    const url = await serve(async (request, response) => {
      seen.push(
        request.method,
        request.url,
        request.headers['x-key'],
        request.headers['content-length'],
        await text(request),
      )
      response.writeHead(201, { 'X-Request-Id': 'r1' }).end('{"ok":true}')
    })
    const response = await httpFetch(url, {
      method: 'POST',
      headers: new globalThis.Headers({ 'X-Key': 'k' }),
      body: 'é',
    })
    expect(seen).toEqual(['POST', '/v1/x?y=1', 'k', '2', 'é'])
    expect(response).toMatchObject({ status: 201, ok: true })
    expect(response.headers.get('x-request-id')).toBe('r1')
    expect(await response.clone().text()).toBe('{"ok":true}')
    expect(await response.json()).toEqual({ ok: true })
  })

  it('streams a body as it comes', async () => {
    const url = await serve((_, response) => {
      response.write('first ')
      setImmediate(() => response.end('second'))
    })
    const response = await httpFetch(url)
    const parts: string[] = []
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>)
      parts.push(Buffer.from(part).toString())
    expect(parts.join('')).toBe('first second')
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ])('unpacks what was sent as %s although nobody asked for it', async (encoding, pack) => {
    const url = await serve((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(pack(Buffer.from('data: wörds'))),
    )
    expect(await (await httpFetch(url)).text()).toBe('data: wörds')
  })

  it('of what was packed and breaks off says so', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '1000' })
      response.write(gzipSync(randomBytes(500)), () => response.destroy())
    })
    await expect(httpFetch(url).then((response) => response.text())).rejects.toThrow()
  })

  it('ends with the signal: before the answer, and in the middle of it', async () => {
    const before = new AbortController()
    const url = await serve(() => before.abort())
    await expect(httpFetch(url, { signal: before.signal })).rejects.toThrow('aborted')
    server?.close()
    const during = new AbortController()
    const open = await serve((_, response) => void response.write('begin'))
    const response = await httpFetch(open, { signal: during.signal })
    during.abort()
    await expect(response.text()).rejects.toThrow()
  })

  it('says when nobody answers, and does not follow a redirect with the key', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end())
    expect((await httpFetch(url)).status).toBe(302)
    await expect(httpFetch('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('Headers', () => {
  it('behaves as the global class does', () => {
    for (const Class of [Headers, globalThis.Headers]) {
      const headers = new Class([
        ['B', '2'],
        ['a', '1'],
        ['b', '3'],
      ])
      headers.set('C', ' x ')
      headers.delete('A')
      expect(headers.get('b')).toBe('2, 3')
      expect(headers.get('nope')).toBeNull()
      expect(headers.has('c')).toBe(true)
      expect([...headers]).toEqual([
        ['b', '2, 3'],
        ['c', 'x'],
      ])
      expect(Object.fromEntries(headers.entries())).toEqual({ b: '2, 3', c: 'x' })
      expect(() => headers.set('x', 'a\nb')).toThrow(TypeError)
      expect(() => headers.set('x y', 'a')).toThrow(TypeError)
      expect([...new Class({ x: 'y' }).keys()]).toEqual(['x'])
    }
  })
})
