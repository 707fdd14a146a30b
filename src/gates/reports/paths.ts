import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import type { TreeFiles } from '../files.ts'

/** Converts the file names of runners to paths in the tree, so that ids are the same in every folder and on every machine. */
export interface Paths {
  /** `file` relative to the root; unchanged if it is elsewhere. */
  file(file: string): string
  /** The Python file that the beginning of a dotted name stands for, and the rest of the name; null: there is none. */
  module(dotted: string): Promise<{ readonly file: string; readonly rest: string | null } | null>
}

/** Paths of the proof folder `root`. */
export async function pathsOf(root: string, files: TreeFiles): Promise<Paths> {
  const real = await realpath(root)
  const known = new Map<string, { file: string; rest: string | null } | null>()
  let python: readonly string[] | undefined
  return {
    file(file) {
      const plain = file.startsWith('file://') ? decodeURIComponent(file.slice('file://'.length)) : file
      for (const base of [root, real]) {
        const path = isAbsolute(plain) ? relative(base, plain) : plain
        if (path !== '' && !path.startsWith('..') && !isAbsolute(path)) return path.split(sep).join('/')
      }
      return plain
    },
    async module(dotted) {
      python ??= (await files.list()).filter((path) => path.endsWith('.py'))
      const parts = dotted.split('.')
      for (let n = parts.length; n > 0; n--) {
        const key = parts.slice(0, n).join('/')
        if (!known.has(key)) {
          const exact = python.find((path) => path === `${key}.py`)
          const ends = exact === undefined ? python.filter((path) => path.endsWith(`/${key}.py`)) : []
          const file = exact ?? (ends.length === 1 ? ends[0] : undefined)
          known.set(key, file === undefined ? null : { file, rest: null })
        }
        const hit = known.get(key)
        if (hit) return { file: hit.file, rest: parts.slice(n).join(' > ') || null }
      }
      return null
    },
  }
}
