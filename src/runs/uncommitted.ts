import { git, gitFailed, tryGit } from '../git/run.ts'

/** Files below `folder` that are new, modified, staged or deleted in the user's checkout. */
export async function dirtySourceFiles(root: string, folder: string): Promise<string[]> {
  const args = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--', `:(literal)${folder}`]
  const result = await tryGit(args, { cwd: root })
  if (result.code !== 0) throw gitFailed(args, result)
  return result.stdout
    .toString('utf8')
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(3))
}

/** Commits just the files below `folder` on the user's branch, as `--commit-source` asks for, and returns the commit. Other staged changes stay staged. */
export async function commitSource(root: string, folder: string, feature: string): Promise<string> {
  const path = `:(literal)${folder}`
  await git(['add', '--', path], { cwd: root })
  await git(['commit', '--no-verify', '--quiet', '-m', `docs: tasks of ${feature}`, '--only', '--', path], {
    cwd: root,
  })
  return git(['rev-parse', '--verify', 'HEAD'], { cwd: root })
}
