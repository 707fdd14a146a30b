import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { editTool as edit } from './edit.ts'
import { call, makeBench } from './testing/context.ts'

const bench = makeBench('edit')
const { context, put, workspace, contentOf, modeOf } = bench
afterAll(() => bench.remove())

describe('edit', () => {
  it('replaces once, and says where it was', async () => {
    put('e.txt', 'a\nb\nc\n', 0o755)
    expect(await call(edit, { file_path: 'e.txt', old_string: 'b', new_string: 'B\nB' }, context)).toEqual({
      text: 'replaced once in e.txt',
      isError: false,
      exitCode: null,
      changed: ['e.txt'],
      fullOutput: null,
    })
    expect({ text: contentOf('e.txt'), mode: modeOf('e.txt') }).toEqual({ text: 'a\nB\nB\nc\n', mode: 0o755 })
  })

  it('has a clear error for everything that does not fit', async () => {
    put('twice.txt', 'x\nx\n  y\n')
    put('folder/file.txt', '')
    const say = async (input: object): Promise<string> => {
      const { text, isError } = await call(edit, { file_path: 'twice.txt', new_string: 'n', ...input }, context)
      expect(isError).toBe(true)
      return text
    }
    expect(await say({ old_string: 'x' })).toContain('there 2 times (lines 1, 2)')
    expect(await say({ old_string: 'z' })).toContain('not in the file')
    expect(await say({ old_string: 'n' })).toContain('are the same')
    expect(await say({ old_string: 'x\ny' })).toContain('white space is different')
    expect(await say({ old_string: '     1\tx' })).toContain('leave out the line numbers')
    expect(await say({ old_string: 'x', file_path: 'absent.txt' })).toContain('does not exist')
    expect(await say({ old_string: 'x', file_path: 'folder' })).toContain('is a folder')
    expect(contentOf('twice.txt')).toBe('x\nx\n  y\n')
    expect(edit.input.safeParse({ file_path: 'x', old_string: '', new_string: '' }).success).toBe(false)
  })

  it('replaces all', async () => {
    put('all.txt', 'aXbXc')
    const { text } = await call(
      edit,
      { file_path: 'all.txt', old_string: 'X', new_string: 'XX', replace_all: true },
      context,
    )
    expect(text).toContain('2 times')
    expect(contentOf('all.txt')).toBe('aXXbXXc')
  })

  it('keeps the line ends of the file', async () => {
    put('windows.txt', 'a\r\nb\r\nc\r\n')
    await call(edit, { file_path: 'windows.txt', old_string: 'a\nb', new_string: 'A\nB\nC' }, context)
    expect(contentOf('windows.txt')).toBe('A\r\nB\r\nC\r\nc\r\n')
  })

  it('keeps bytes that are no UTF-8, and what stands at the beginning', async () => {
    put('bytes.txt', Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0xfe, 0x61, 0x00, 0xe9]))
    await call(edit, { file_path: 'bytes.txt', old_string: 'a', new_string: 'é' }, context)
    expect(readFileSync(join(workspace, 'bytes.txt'))).toEqual(
      Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0xfe, 0xc3, 0xa9, 0x00, 0xe9]),
    )
  })

  it('leaves other names of the same file as they are', async () => {
    put('one-name.txt', 'old')
    execFileSync('ln', [join(workspace, 'one-name.txt'), join(bench.outside, 'other-name.txt')])
    await call(edit, { file_path: 'one-name.txt', old_string: 'old', new_string: 'new' }, context)
    expect(readFileSync(join(bench.outside, 'other-name.txt'), 'utf8')).toBe('old')
  })
})
