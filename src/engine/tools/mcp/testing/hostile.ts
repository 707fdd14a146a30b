/**
 * An MCP server on stdio that breaks the rules, without the SDK: `node hostile.ts MODE`. The mode decides what its tool `go`
 * does, or what its list of tools is.
 */
import { createInterface } from 'node:readline'

const mode = process.argv[2] ?? ''
let called = 0

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly protocolVersion?: string; readonly name?: string }
}

const write = (value: unknown): boolean =>
  process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
const answer = (id: unknown, result: unknown): boolean => write({ jsonrpc: '2.0', id, result })
const text = (said: string) => ({ content: [{ type: 'text', text: said }] })
const tool = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  description: `the tool ${name}`,
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
  ...more,
})
const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }

const LISTS: Readonly<Record<string, () => unknown>> = {
  many: () => ({ tools: Array.from({ length: 10_000 }, (_, i) => tool(`t${i}`)) }),
  wordy: () => ({ tools: Array.from({ length: 90 }, (_, i) => tool(`t${i}`, { description: 'w '.repeat(50_000) })) }),
  'no schema': () => ({ tools: [{ name: 'go' }] }),
  'no list': () => ({ tools: 'none' }),
  'endless pages': () => ({ tools: [tool('go')], nextCursor: String(Math.random()) }),
  properties: () => ({
    tools: [
      tool('go', { inputSchema: { type: 'object', properties: { 'a b': { type: 'string' } } } }),
      tool('union', { inputSchema: { type: 'object', properties: { a: {} }, anyOf: [{ required: ['a'] }] } }),
      tool('same'),
      tool('same'),
      tool('a b'),
      tool('a_b'),
      tool('\u001B[31mred\n'),
    ],
  }),
  renames: () => ({ tools: called === 0 ? [tool('go'), tool('old')] : [tool('go'), tool('new')] }),
  'renames in silence': () => ({ tools: called === 0 ? [tool('go')] : [tool('new')] }),
  'loses its list': () => (called === 0 ? { tools: [tool('go')] } : { tools: 'none' }),
}

const CALLS: Readonly<Record<string, (id: number) => void>> = {
  noise(id) {
    for (const line of ['garbage', '42', 'null', '[]', '{}', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":{}}', ''])
      write(line)
    answer(id, text('at last'))
  },
  'a result of another kind': (id) => answer(id, 42),
  'content of another kind': (id) => answer(id, { content: 'text' }),
  'parts of another kind': (id) => answer(id, { content: [{ type: 'hologram' }] }),
  'an error': (id) => write({ jsonrpc: '2.0', id, error: { code: -32000, message: `no ${'x'.repeat(5000)}` } }),
  'wrong ids': (id) => {
    answer(id + 1000, text('not yours'))
    answer(null, text('not yours'))
  },
  'answers twice': (id) => {
    answer(id, text('once'))
    answer(id, text('twice'))
  },
  'half a line'(id) {
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"res`, () => process.exit(0))
  },
  floods() {
    const more = (): void => {
      while (
        write({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(1000) } })
      );
      process.stdout.once('drain', more)
    }
    more()
  },
  'asks and does not read'() {
    process.stdin.pause()
    let id = 0
    const more = (): void => {
      while (write({ jsonrpc: '2.0', id: `q${(id += 1)}`, method: 'no/such/method', params: { x: 'y'.repeat(500) } }));
      process.stdout.once('drain', more)
    }
    more()
  },
  renames(id) {
    for (let i = 0; i < 1000; i++) write(changed)
    answer(id, text('renamed'))
  },
  'renames in silence': (id) => answer(id, text('renamed')),
  'loses its list'(id) {
    write(changed)
    answer(id, text('lost'))
  },
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as Message
  if (method === 'initialize') {
    if (mode === 'silent') return
    const capabilities = { tools: { listChanged: true } }
    answer(id, {
      protocolVersion: params?.protocolVersion,
      capabilities,
      serverInfo: { name: 'hostile', version: '1' },
    })
  } else if (method === 'tools/list') answer(id, (LISTS[mode] ?? (() => ({ tools: [tool('go')] })))())
  else if (method === 'tools/call' && id !== undefined) {
    called += 1
    if (params?.name === 'go') CALLS[mode]?.(id)
    else if (params?.name === 'new') answer(id, text('the new one'))
    else write({ jsonrpc: '2.0', id, error: { code: -32602, message: `there is no tool ${params?.name}` } })
  }
})
