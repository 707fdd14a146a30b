import { closeSync, readSync } from 'node:fs'
import { z } from 'zod'
import type { Tool } from '../port.ts'
import { chunksOf } from './chunks.ts'
import { contentKind } from './content-kind.ts'
import { judgePath, openToRead, pathOf, rulesOf, shown, targetOf } from './paths/index.ts'
import { readLines } from './read-lines.ts'
import { defineTool, done, failed } from './tool.ts'

const LINES = 2000
const LINE_MAX = 2000
const TOTAL_MAX = 60_000
/** How many bytes it reads on after the last wanted line, to count the lines of the file. */
const LOOK_AHEAD = 16 << 20

/** Reads a range of lines of a text file, never all of a large file. */
export const readTool: Tool = defineTool({
  name: 'read',
  description: `Reads a text file, with a number before every line. Returns up to ${LINES} lines and ${TOTAL_MAX} characters; use offset and limit for another part of a long file. Lines over ${LINE_MAX} characters are cut. Binary files are named, not shown; for folders use glob.`,
  input: z.strictObject({
    file_path: z.string().min(1).describe('The file, relative to the workspace or absolute.'),
    offset: z.int().min(1).default(1).describe('The line to begin at; 1 is the first.'),
    limit: z.int().min(1).max(LINES).default(LINES).describe('How many lines.'),
  }),
  effect: 'read',
  title: ({ file_path, offset }) => `read: ${file_path}${offset > 1 ? ` from line ${offset}` : ''}`,
  demand({ file_path }, context) {
    const named = pathOf(file_path, context)
    return judgePath(targetOf(named), named, 'read', rulesOf(context))
  },
  async run({ file_path, offset, limit }, context) {
    const named = pathOf(file_path, context)
    const { fd, stat } = openToRead(named, rulesOf(context))
    try {
      const name = shown(named, context)
      const begin = Buffer.alloc(8192)
      const kind = contentKind(begin.subarray(0, readSync(fd, begin, 0, begin.length, 0)))
      if (kind !== null) return failed(`${name} is not text but ${kind} (${stat.size} bytes)`)
      const range = { from: offset, count: limit, maxLine: LINE_MAX, maxTotal: TOTAL_MAX }
      const { lines, total, full } = await readLines(chunksOf(fd, context.signal), range, LOOK_AHEAD)
      if (total === 0) return done(`[${name} is empty]`)
      if (lines.length === 0) return done(`[${name} has only ${total} lines]`)
      const end = offset + lines.length - 1
      const numbered = lines.map((line, i) => `${String(offset + i).padStart(6)}\t${line}`).join('\n')
      if (end === total) return done(numbered)
      const of = total === null ? `of a file of ${stat.size} bytes` : `of ${total}`
      return done(
        `${numbered}\n[lines ${offset} to ${end} ${of}${full ? ', cut for length' : ''}; go on with offset ${end + 1}]`,
      )
    } catch (error) {
      if (context.signal.aborted) return failed('the call was aborted')
      throw error
    } finally {
      closeSync(fd)
    }
  },
})
