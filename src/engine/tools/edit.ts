import { closeSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { BelayError } from '../../core/errors.ts'
import type { Tool } from '../port.ts'
import { openIn } from './paths/open.ts'
import {
  isSecret,
  judgePath,
  openToWrite,
  pathOf,
  replaceFile,
  rulesOf,
  shown,
  targetOf,
  type Spot,
} from './paths/index.ts'
import { replaceText } from './replace-text.ts'
import { defineTool, done, failed } from './tool.ts'

/** Larger files are refused, because a file is edited in memory. */
const SIZE_MAX = 64 << 20

/** Replaces text in a file. */
export const editTool: Tool = defineTool({
  name: 'edit',
  description: `Replaces old_string by new_string in a file. old_string must be exactly what the file holds, with its indentation and without the line numbers of read, and must be there only once unless replace_all is set: take enough lines around it. Mode and line ends of the file stay as they are.`,
  input: z.strictObject({
    file_path: z.string().min(1).describe('The file, relative to the workspace or absolute.'),
    old_string: z.string().min(1).describe('The text to be replaced.'),
    new_string: z.string().describe('The text to put there.'),
    replace_all: z.boolean().default(false).describe('Replace it everywhere.'),
  }),
  effect: 'write',
  title: ({ file_path }) => `edit: ${file_path}`,
  demand({ file_path }, context) {
    const named = pathOf(file_path, context)
    return judgePath(targetOf(named), named, 'write', rulesOf(context))
  },
  async run({ file_path, old_string, new_string, replace_all }, context) {
    const spot = openToWrite(pathOf(file_path, context), rulesOf(context), false)
    try {
      const path = shown(spot.path, context)
      const edited = replaceText(readSpot(spot), old_string, new_string, replace_all)
      if (typeof edited === 'string') return failed(`${path}: ${edited}`)
      replaceFile(spot, edited.bytes, isSecret(spot.path), context.store)
      return done(`replaced ${edited.count === 1 ? 'once' : `${edited.count} times`} in ${path}`, { changed: [path] })
    } finally {
      spot.folder.close()
    }
  },
})

function readSpot({ folder, name, path, stat }: Spot): Buffer {
  if (stat === null) throw new BelayError('not_a_file', `${path} does not exist`, { next: 'use write to make it' })
  if (stat.size > SIZE_MAX) {
    throw new BelayError('file_too_big', `${path} has ${stat.size} bytes`, {
      next: `at most ${SIZE_MAX} can be edited; use sed with bash`,
    })
  }
  const { fd } = openIn(folder, name, path)
  try {
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}
