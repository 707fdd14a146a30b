import { git } from './run.ts'
import { readBlob } from './trees.ts'

/** Reads the files of one tree by path, each at most once. */
export interface GitTreeFiles {
  /** The file's text; null: there is no such file. */
  read(path: string): Promise<string | null>
  /** Every file's path, sorted. */
  list(): Promise<readonly string[]>
}

/** The files of a commit or tree, without a checkout. */
export function gitTreeFiles(root: string, treeish: string): GitTreeFiles {
  const texts = new Map<string, Promise<string | null>>()
  let paths: Promise<readonly string[]> | undefined
  const read = async (path: string): Promise<string | null> =>
    (await readBlob(root, treeish, path))?.toString('utf8') ?? null
  return {
    read(path) {
      const known = texts.get(path) ?? read(path)
      texts.set(path, known)
      return known
    },
    list() {
      paths ??= git(['ls-tree', '-r', '-z', '--name-only', '--full-tree', treeish], { cwd: root }).then((list) =>
        list.split('\0').filter((path) => path !== ''),
      )
      return paths
    },
  }
}
