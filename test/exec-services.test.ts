/** Model services that misbehave, through belay exec. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World, collect, said, type Result } from './support/world.ts'

let world: World
let server: Server
let asked = 0
let last = ''
let answer: (response: ServerResponse, n: number) => void
beforeEach(async () => {
  world = new World()
  asked = 0
  server = createServer((request, response) => {
    response.on('error', () => {})
    last = ''
    request.setEncoding('utf8').on('data', (part: string) => (last += part))
    request.on('end', () => answer(response, asked++))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
  world.dispose()
})

function exec(...more: readonly string[]): Promise<Result> {
  const { port } = server.address() as AddressInfo
  Object.assign(world.env, { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` })
  const model = ['--agent', 'engine', '--model', 'openai-compatible/foo', '--sandbox', 'host']
  return world.belay(['exec', 'work', ...model, ...more])
}

function stream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' })
}

function chunk(delta: unknown, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'foo', choices })}\n\n`
}

function answered(text: string): string {
  return `${chunk({ content: text })}${chunk({}, 'stop')}data: [DONE]\n\n`
}

describe('a service', () => {
  it('whose address is that of a web page, or leads elsewhere, is told so at once', async () => {
    answer = (response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>')
    const page = await exec()
    expect([page.code, page.stderr]).toEqual([1, expect.stringContaining('the service answers with a web page')])
    answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/login' }).end()
    const away = await exec()
    expect([away.code, away.stderr]).toEqual([1, expect.stringContaining('a redirect to http://127.0.0.1:1/login')])
    expect(asked).toBe(2)
  })

  it('that is not there is told with what was tried', async () => {
    const { port } = server.address() as AddressInfo
    await new Promise((done) => server.close(done))
    Object.assign(world.env, { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` })
    const model = ['--agent', 'engine', '--model', 'openai-compatible/foo', '--sandbox', 'host']
    const child = world.start(['exec', 'work', ...model, '--json'])
    const ended = collect(child)
    await said(child, `ECONNREFUSED 127.0.0.1:${port}`)
    child.kill('SIGINT')
    expect((await ended).code).toBe(130)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  })

  it('that breaks off the input of a call has nothing run: what is left of a command may be another command', async () => {
    const call = (text: string): unknown => ({
      tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'bash', arguments: text } }],
    })
    const whole = JSON.stringify({ command: 'touch made.txt kept.txt' })
    answer = (response, n) => {
      if (n > 0) return stream(response).end(answered('gave up'))
      stream(response).write(chunk(call(whole.slice(0, whole.indexOf(' kept')))))
      return response.end(`${chunk({}, 'tool_calls')}data: [DONE]\n\n`)
    }
    expect(await exec()).toMatchObject({ code: 0, stdout: 'gave up\n' })
    expect(world.has('made.txt')).toBe(false)
  })

  it.each([
    ['id', { index: 0, id: 'a' }, { index: 1, id: 'a' }],
    ['index', { index: 0, id: 'a' }, { index: 0, id: 'b' }],
  ])(
    'that gives two calls of an answer the same %s has none of them run in place of the other',
    async (_, ...places) => {
      const call = (place: object, file: string): string =>
        chunk({
          tool_calls: [
            { ...place, type: 'function', function: { name: 'bash', arguments: `{"command":"echo >> ${file}.txt"}` } },
          ],
        })
      const calls = [
        places.map((place, i) => call(place, `m${i}`)),
        [call(places[0] ?? {}, 'one')],
        [call(places[0] ?? {}, 'two')],
      ]
      answer = (response, n) => {
        const all = calls[n]
        return stream(response).end(
          all ? `${all.join('')}${chunk({}, 'tool_calls')}data: [DONE]\n\n` : answered('made'),
        )
      }
      expect(await exec()).toMatchObject({ code: 0, stdout: 'made\n' })
      expect(last).toContain('several calls under one id')
      expect(['m0', 'm1', 'one', 'two'].filter((file) => world.has(`${file}.txt`))).toEqual(['one', 'two'])
    },
  )

  it.each([
    ['nothing', ''],
    ['a line feed', '\n'],
  ])('that ends its stream after the last event with %s, and no empty line, is read to the end', async (_, end) => {
    answer = (response) =>
      stream(response).end(`${chunk({ content: 'all of it' })}${chunk({}, 'stop').trimEnd()}${end}`)
    expect(await exec()).toMatchObject({ code: 0, stdout: 'all of it\n' })
    expect(asked).toBe(1)
  })

  it('that breaks off in its last event is asked again', async () => {
    answer = (response, n) =>
      n > 0
        ? stream(response).end(answered('whole'))
        : stream(response).end(`${chunk({ content: 'half' })}${chunk({}, 'stop').slice(0, 40)}`)
    const { code, stdout, stderr } = await exec()
    expect([code, stdout]).toEqual([0, 'whole\n'])
    expect(stderr).toContain('the model call is made again')
  })

  it('that never ends its answer is cut off, and costs neither the time limit nor the memory', async () => {
    answer = (response) => {
      stream(response)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk({ content: 'x'.repeat(100_000) })));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    const { code, stderr } = await exec('--quiet')
    expect([code, stderr]).toEqual([1, expect.stringContaining('the answer has no end: it was cut off after')])
    expect(stderr).toMatch(/^the answer broke off; full text: belay session show /)
    expect(stderr.length).toBeLessThan(4000)
    expect(asked).toBe(1)
  })

  it('that sends what is no message cannot steer the terminal', async () => {
    answer = (response, n) =>
      n > 0 ? stream(response).end(answered('mended')) : stream(response).end('data: {\u001B[2Jgone\n\n')
    const { code, stdout, stderr } = await exec()
    expect([code, stdout]).toEqual([0, 'mended\n'])
    expect(stderr).toContain('the model call is made again')
    expect(stderr).not.toContain('\u001B')
  })
})
