import { readFile, realpath, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { git } from './run.ts'

/**
 * Where git keeps HEAD and index of the checkout whose top is `path`, as its `.git` says; git itself is asked only when that is
 * written in a way that is not known here. An absolute path without links. Throws when there is no checkout.
 */
export async function gitDirOf(path: string): Promise<string> {
  const place = join(path, '.git')
  const found = await stat(place).catch(() => null) // `core.worktree` may name a folder that has none
  const pointer = found?.isFile() === true ? /^gitdir: (.+)\n?$/.exec(await readFile(place, 'utf8'))?.[1] : undefined
  if (found?.isDirectory() !== true && pointer === undefined) {
    return git(['rev-parse', '--absolute-git-dir'], { cwd: path })
  }
  return realpath(pointer === undefined ? place : resolve(path, pointer))
}
