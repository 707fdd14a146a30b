import { readFile, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { git } from './run.ts'

/**
 * The folder with HEAD and index of the checkout whose top folder is `path`, as an absolute path without links. Read from
 * `.git`; git itself is asked only if `.git` has an unknown form. Throws if there is no checkout.
 */
export async function gitDirOf(path: string): Promise<string> {
  const place = join(path, '.git')
  const found = await stat(place).catch(() => null) // `core.worktree` may name a folder without a `.git`
  const pointer = found?.isFile() === true ? /^gitdir: (.+)\n?$/.exec(await readFile(place, 'utf8'))?.[1] : undefined
  if (found?.isDirectory() !== true && pointer === undefined) {
    return git(['rev-parse', '--absolute-git-dir'], { cwd: path })
  }
  return realpath(pointer === undefined ? place : resolve(path, pointer))
}
