import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readTool as read } from './read.ts'
import { writeTool as write } from './write.ts'
import { call, makeBench } from './testing/context.ts'

const bench = makeBench('read')
const { context, put, workspace } = bench
afterAll(() => bench.remove())

describe('read', () => {
  it('numbers lines and reads a range', async () => {
    put('three.txt', 'one\ntwo\nthree\n')
    expect((await call(read, { file_path: 'three.txt' }, context)).text).toBe('     1\tone\n     2\ttwo\n     3\tthree')
    const part = await call(read, { file_path: join(workspace, 'three.txt'), offset: 2, limit: 1 }, context)
    expect(part.text).toBe('     2\ttwo\n[lines 2 to 2 of 3; go on with offset 3]')
    expect((await call(read, { file_path: 'three.txt', offset: 9 }, context)).text).toBe('[three.txt has only 3 lines]')
  })

  it('says that a file is empty', async () => {
    put('empty.txt', '')
    expect(await call(read, { file_path: 'empty.txt' }, context)).toMatchObject({
      text: '[empty.txt is empty]',
      isError: false,
    })
  })

  it('cuts long lines between characters', async () => {
    put('long.txt', `${'x'.repeat(1999)}😀tail\nnext`)
    const { text } = await call(read, { file_path: 'long.txt' }, context)
    expect(text).toBe(`     1\t${'x'.repeat(1999)}... [6 more characters]\n     2\tnext`)
  })

  it('stops at a total and says where to go on', async () => {
    put('wide.txt', `${'y'.repeat(1000)}\n`.repeat(100))
    const { text } = await call(read, { file_path: 'wide.txt' }, context)
    expect(text).toContain('[lines 1 to 59 of 100, cut for length; go on with offset 60]')
  })

  it('reads the middle and the end of a huge file without loading it', async () => {
    const path = put('huge.txt', 'first\n')
    execFileSync('sh', ['-c', `yes 0123456789012345678901234567890123456789 | head -c 419430400 >> '${path}'`])
    const before = process.memoryUsage().arrayBuffers
    const { text } = await call(read, { file_path: 'huge.txt', limit: 1 }, context)
    expect(text).toBe('     1\tfirst\n[lines 1 to 1 of a file of 419430406 bytes; go on with offset 2]')
    const late = await call(read, { file_path: 'huge.txt', offset: 9_000_000, limit: 1 }, context)
    expect(late.text).toContain('9000000\t0123456789')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20)
    truncateSync(path, 0)
  })

  it.each([
    ['image.png', Buffer.from('89504e470d0a1a0a', 'hex'), 'an image (PNG)'],
    ['photo.jpg', Buffer.from('ffd8ffe000', 'hex'), 'an image (JPEG)'],
    ['archive.zip', Buffer.from('504b0304', 'hex'), 'a ZIP archive'],
    ['program', Buffer.from('7f454c46', 'hex'), 'a program (ELF)'],
    ['data.bin', Buffer.from([1, 2, 0, 3]), 'binary'],
    ['wide.utf16', Buffer.from('fffe6100', 'hex'), 'UTF-16'],
  ])('names %s instead of showing it', async (name, bytes, kind) => {
    put(name, bytes)
    const result = await call(read, { file_path: name }, context)
    expect(result).toMatchObject({ isError: true })
    expect(result.text).toContain(`${name} is not text but ${kind}`)
  })

  it('does not wait at a pipe, and says what is no file', async () => {
    execFileSync('mkfifo', [join(workspace, 'pipe')])
    expect((await call(read, { file_path: 'pipe' }, context)).text).toContain('is a device, pipe or socket')
    expect((await call(read, { file_path: '.' }, context)).text).toContain('is a folder')
    expect((await call(read, { file_path: 'absent' }, context)).text).toContain('no such file')
    expect((await call(read, { file_path: 'three.txt/x' }, context)).text).toContain('not a folder')
  })

  it('shows text in any encoding without failing, and CR LF as lines', async () => {
    put('latin.txt', Buffer.from([0x63, 0x61, 0x66, 0xe9, 13, 10, 0x62]))
    expect((await call(read, { file_path: 'latin.txt' }, context)).text).toBe('     1\tcaf\uFFFD\n     2\tb')
  })

  it('reads skills and memory files beside the workspace, and kept outputs, but writes none', async () => {
    const skill = join(bench.outside, 'skill')
    mkdirSync(skill)
    writeFileSync(join(skill, 'SKILL.md'), 'how')
    const mine = bench.with({ readable: [skill] })
    expect((await call(read, { file_path: join(skill, 'SKILL.md') }, mine)).text).toBe('     1\thow')
    expect((await call(read, { file_path: join(skill, 'SKILL.md') }, context)).isError).toBe(true)
    expect((await call(write, { file_path: join(skill, 'SKILL.md'), content: 'x' }, mine)).isError).toBe(true)
    mkdirSync(join(context.store, 'outputs'), { recursive: true })
    writeFileSync(join(context.store, 'outputs', 'bash-1.txt'), 'whole')
    writeFileSync(join(context.store, 'tasks.json'), '{}')
    expect((await call(read, { file_path: join(context.store, 'outputs', 'bash-1.txt') }, context)).text).toContain(
      'whole',
    )
    expect((await call(read, { file_path: join(context.store, 'tasks.json') }, context)).isError).toBe(true)
  })

  it('follows the path mapping of the sandbox', async () => {
    put('mapped.txt', 'here')
    const inside = (path: string): string | null =>
      path.startsWith('/workspace') ? join(workspace, path.slice('/workspace'.length)) : null
    const mine = bench.with({ sandbox: { ...context.sandbox, toHost: inside } })
    expect((await call(read, { file_path: '/workspace/mapped.txt' }, mine)).text).toBe('     1\there')
    expect((await call(read, { file_path: '/workspace/../../outside' }, mine)).isError).toBe(true)
  })
})
