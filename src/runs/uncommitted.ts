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

/**
 * Untracked files below `folder` that git ignores, each with the rule that ignores it (`.gitignore:3: specs/`). Tracked files
 * are not listed, whatever the rules say.
 */
export async function ignoredSourceFiles(
  root: string,
  folder: string,
): Promise<{ readonly path: string; readonly rule: string }[]> {
  const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '-z', '--', `:(literal)${folder}`]
  const list = await git(args, { cwd: root })
  if (list === '') return []
  const found = await git(['check-ignore', '--verbose', '-z', '--stdin'], { cwd: root, input: list })
  const fields = found.split('\0')
  return Array.from({ length: Math.floor(fields.length / 4) }, (_, i) => {
    const [file = '', line = '', pattern = '', path = ''] = fields.slice(i * 4, i * 4 + 4)
    return { path, rule: `${file}:${line}: ${pattern}` }
  })
}

/**
 * Commits only the files below `folder` on the user's branch, for `--commit-source`, and returns the commit. Other staged
 * changes stay staged.
 */
export async function commitSource(root: string, folder: string, feature: string): Promise<string> {
  const path = `:(literal)${folder}`
  // New files are added by name: git refuses to add a folder that is ignored, even if it contains tracked files.
  const added = await git(['ls-files', '--others', '--exclude-standard', '-z', '--', path], { cwd: root })
  if (added !== '') {
    const args = ['--literal-pathspecs', 'add', '--pathspec-from-file=-', '--pathspec-file-nul']
    await git(args, { cwd: root, input: added })
  }
  await git(['commit', '--no-verify', '--quiet', '-m', `docs: tasks of ${feature}`, '--only', '--', path], {
    cwd: root,
  })
  return git(['rev-parse', '--verify', 'HEAD'], { cwd: root })
}
