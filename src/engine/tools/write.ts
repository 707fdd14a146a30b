import { z } from 'zod'
import type { Tool } from '../port.ts'
import { isSecret, judgePath, openToWrite, pathOf, replaceFile, rulesOf, shown, targetOf } from './paths/index.ts'
import { defineTool, done } from './tool.ts'

/** Creates or replaces a whole file. */
export const writeTool: Tool = defineTool({
  name: 'write',
  description:
    'Writes a file: makes it, with the folders it is in, or replaces what it holds in one step. To change a part of a file use edit.',
  input: z.strictObject({
    file_path: z.string().min(1).describe('The file, relative to the workspace or absolute.'),
    content: z.string().describe('All that the file is to hold.'),
  }),
  effect: 'write',
  title: ({ file_path, content }) => `write: ${file_path} (${Buffer.byteLength(content)} bytes)`,
  demand({ file_path }, context) {
    const named = pathOf(file_path, context)
    return judgePath(targetOf(named), named, 'write', rulesOf(context))
  },
  async run({ file_path, content }, context) {
    const spot = openToWrite(pathOf(file_path, context), rulesOf(context), true)
    try {
      const bytes = Buffer.from(content)
      replaceFile(spot, bytes, isSecret(spot.path), context.store)
      const path = shown(spot.path, context)
      return done(`${spot.stat === null ? 'made' : 'replaced'} ${path} (${bytes.length} bytes)`, { changed: [path] })
    } finally {
      spot.folder.close()
    }
  },
})
