import { createHash } from 'node:crypto'
import { lstat, readFile, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gitFailed, tryGit } from '../git/run.ts'
import { globToRegExp } from '../core/glob.ts'

/** Files that determine which dependencies are installed. */
const LOCKFILES =
  /^(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|deno\.lock|uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock|pixi\.lock|conda-lock\.yml|requirements[\w.-]*\.txt|go\.sum|Cargo\.lock|Gemfile\.lock|composer\.lock|packages\.lock\.json|gradle\.lockfile|mix\.lock|pubspec\.lock|Podfile\.lock|Package\.resolved|flake\.lock)$/

/**
 * Paths in the workspace that setup depends on, sorted. `inputs` are paths and globs: matching tracked and new files count, and
 * literal paths count even if ignored. null: every lockfile, in any folder.
 */
export async function setupInputs(path: string, inputs: readonly string[] | null): Promise<string[]> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const result = await tryGit(args, { cwd: path })
  if (result.code !== 0) throw gitFailed(args, result)
  const files = result.stdout.toString('utf8').split('\0').filter(Boolean)
  if (inputs === null) return files.filter((file) => LOCKFILES.test(basename(file))).sort()
  const patterns = inputs.map(globToRegExp)
  const folders = inputs.map((input) => `${input.replace(/\/$/, '')}/`)
  const found = files.filter(
    (file) => patterns.some((pattern) => pattern.test(file)) || folders.some((folder) => file.startsWith(folder)),
  )
  const named = inputs.filter((input) => !/[*?[{\\]/.test(input) && !input.endsWith('/'))
  return [...new Set([...found, ...named])].sort()
}

/** A key that changes when a setup command or the content of an input changes; the same in every workspace. */
export async function setupKey(
  path: string,
  commands: readonly { readonly run: string | readonly string[]; readonly cwd: string | null }[],
  inputs: readonly string[] | null,
): Promise<string> {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(commands.map(({ run, cwd }) => [run, cwd])))
  for (const file of await setupInputs(path, inputs)) {
    const content = await contentOf(join(path, file))
    if (content === null) continue
    hash.update(`\0${Buffer.byteLength(file)} ${file} ${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

async function contentOf(file: string): Promise<Buffer | null> {
  const found = await lstat(file).catch(() => null)
  if (found?.isSymbolicLink()) return Buffer.from(await readlink(file))
  return found?.isFile() ? readFile(file) : null
}
