import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { endingLastEvent } from './last-event.ts'

function through(chunks: readonly string[]): Promise<string> {
  return text(Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(endingLastEvent()))
}

it.each([
  [['data: {"a":1}']],
  [['data: {"a":1}\n']],
  [['data: {"b":2}\n\nda', 'ta:{"a":', '1}\r\n']],
  [['event: end\nid: 7\ndata: {"a":\ndata: 1}\n']],
  [['data: {"b":2}\r\n\r\n', 'data: [DONE]']],
  [['data: {"b":2}\n', '\ndata: {"a":"ä"}']],
])('an event that is whole gets its empty line: %j', async (chunks) => {
  expect(await through(chunks)).toBe(`${chunks.join('')}\n\n`)
})

it.each([
  [[]],
  [['data: {"a":1}\n\n']],
  [['data: {"a":1}\n', '\n']],
  [['data: {"a":1}\r\n\r\n']],
  [['data: {"b":2}\n\ndata: {"a":']],
  [['data: {"b":2}\n\ndata: [DON']],
  [['data: {"b":2}\n\nevent: message\n']],
  [['{"error":"busy"}']],
])('anything else stays as it is: %j', async (chunks) => {
  expect(await through(chunks)).toBe(chunks.join(''))
})
