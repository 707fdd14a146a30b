import { git } from './run.ts'

const known = new Map<string, Promise<string>>()

/** The common git folder (refs, objects, configuration) of the checkout `root`, as an absolute path. Cached per `root`. */
export function commonDirOf(root: string): Promise<string> {
  const found = known.get(root) ?? git(['rev-parse', '--path-format=absolute', '--git-common-dir'], { cwd: root })
  known.set(root, found)
  found.catch(() => known.delete(root))
  return found
}

/** Stores a known answer for `commonDirOf`, which then need not ask git. */
export function rememberCommonDir(root: string, commonDir: string): void {
  known.set(root, Promise.resolve(commonDir))
}
