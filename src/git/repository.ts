import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { BelayError } from '../core/errors.ts'
import { tail } from '../core/text.ts'
import { rememberCommonDir } from './common-dir.ts'
import { git, gitFailed, tryGit, type GitResult } from './run.ts'
import { quoteShell } from './quote.ts'

export interface Head {
  /** Id of the checked-out commit. */
  readonly commit: string
  /** Short name of the checked-out branch; null: HEAD is detached. */
  readonly branch: string | null
}

/** The user's checkout and its repository. All paths are absolute and free of symbolic links. */
export interface Repository {
  /** Top folder of the checkout that contains the given folder; in a linked worktree, the worktree's own. */
  readonly root: string
  /** Folder with this checkout's HEAD and index. */
  readonly gitDir: string
  /** Folder with refs, objects, configuration and hooks; equal to `gitDir` except in a linked worktree. */
  readonly commonDir: string
  /** The same for every checkout of this repository, and stable until the repository is moved. */
  readonly id: string
  readonly head: Head
}

const OLDEST_GIT = [2, 38] as const

/**
 * Throws `git_too_old` for a git that lacks what Belay needs (`git merge-tree --write-tree`). `text`: output of `git version`.
 */
export function checkGitVersion(text: string): void {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(text) ?? []
  const [needMajor, needMinor] = OLDEST_GIT
  if (Number(major) > needMajor || (Number(major) === needMajor && Number(minor) >= needMinor)) return
  throw new BelayError('git_too_old', 'this git is too old for Belay', {
    expected: `git ${OLDEST_GIT.join('.')} or newer`,
    received: text.trim() || 'no version',
    next: 'upgrade git',
  })
}

/**
 * The repository that contains `cwd`. Throws `windows_unsupported`, `git_missing`, `git_too_old`, `no_repository`,
 * `bare_repository`, `unsafe_repository` (git's own safe.directory rule), `unborn_head` and `broken_head`, each with a way out.
 * Writes nothing.
 */
export async function openRepository(cwd: string, platform: NodeJS.Platform = process.platform): Promise<Repository> {
  const asked = askHead(cwd) // started first, so that all git commands run at the same time
  const found = await locateRepository(cwd, platform)
  rememberCommonDir(found.root, found.commonDir)
  return { ...found, head: await readHead(found.root, asked) }
}

/** Like `openRepository`, without reading HEAD: works in a repository without commits. */
export async function locateRepository(
  cwd: string,
  platform: NodeJS.Platform = process.platform,
): Promise<Omit<Repository, 'head'>> {
  if (platform === 'win32') {
    throw new BelayError('windows_unsupported', 'Belay does not run on native Windows', {
      expected: 'Linux, macOS, or Linux in WSL',
      received: 'win32',
      next: 'install WSL (wsl --install) and run Belay inside it',
    })
  }
  const [version, places] = await Promise.all([git(['version'], { cwd }), askPlaces(cwd)])
  checkGitVersion(version)
  if (places === null) await checkCheckout(cwd)
  const asked = places ?? (await Promise.all(PLACES.map((place) => git(['rev-parse', ABSOLUTE, place], { cwd }))))
  const [root, gitDir, commonDir] = await Promise.all(asked.map((path) => realpath(path)))
  if (root === undefined || gitDir === undefined || commonDir === undefined)
    throw new Error('three questions, three answers')
  return { root, gitDir, commonDir, id: projectId(commonDir) }
}

const ABSOLUTE = '--path-format=absolute'
const PLACES = ['--show-toplevel', '--git-dir', '--git-common-dir'] as const

/** All places from one git command; null: not a checkout, or a line feed in a path makes the answer ambiguous. */
async function askPlaces(cwd: string): Promise<readonly string[] | null> {
  const result = await tryGit(['rev-parse', ABSOLUTE, '--is-inside-work-tree', ...PLACES], { cwd })
  const [inside, ...paths] = result.stdout.toString('utf8').replace(/\n$/, '').split('\n')
  return result.code === 0 && inside === 'true' && paths.length === PLACES.length ? paths : null
}

/** Id for an absolute path without symbolic links; the same for the same path. */
export function projectId(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16)
}

async function checkCheckout(cwd: string): Promise<void> {
  const result = await tryGit(['rev-parse', '--is-bare-repository', '--is-inside-work-tree'], { cwd })
  if (result.code !== 0) throw refusal(cwd, result)
  const [bare, inside] = result.stdout.toString('utf8').split('\n')
  if (inside === 'true') return
  if (bare === 'true') {
    throw new BelayError('bare_repository', 'this is a bare repository: it has no checkout to work from', {
      expected: 'a checkout',
      received: cwd,
      next: 'git clone it (or git worktree add) and run Belay there',
    })
  }
  throw new BelayError('no_repository', 'this is the inside of a .git folder, not a checkout', {
    expected: 'a folder of a git checkout',
    received: cwd,
    next: 'run Belay in the folder that holds .git',
  })
}

function refusal(cwd: string, result: GitResult): BelayError {
  const said = tail(result.stderr.trim(), 2000)
  if (said.includes('safe.directory') || said.includes('dubious ownership')) {
    const command = /git config --global --add safe\.directory .+/.exec(said)?.[0]
    return new BelayError('unsafe_repository', `git refuses this repository: ${said.split('\n', 1)[0]}`, {
      expected: 'a repository that belongs to you, or that you trust',
      received: said,
      next: command ?? `git config --global --add safe.directory ${quoteShell(cwd)}`,
    })
  }
  if (said.includes('not a git repository')) {
    return new BelayError('no_repository', 'this folder is not in a git repository', {
      expected: 'a folder of a git checkout',
      received: cwd,
      next: 'git init',
    })
  }
  return gitFailed(['rev-parse'], result)
}

/** Git's answers about HEAD, its name and its commit, from any folder of a checkout. Rejects only if git cannot be started. */
function askHead(cwd: string): Promise<readonly [GitResult, GitResult]> {
  const asked = Promise.all([
    tryGit(['symbolic-ref', '--quiet', 'HEAD'], { cwd }),
    tryGit(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { cwd }),
  ])
  asked.catch(() => {}) // the caller may first report that this is no checkout
  return asked
}

/** The HEAD of the checkout at `root`. Throws `unborn_head`, with the command for a first commit, or `broken_head`. */
export async function readHead(root: string, asked = askHead(root)): Promise<Head> {
  const [symbolic, commit] = await asked
  const ref = symbolic.code === 0 ? symbolic.stdout.toString('utf8').replace(/\n$/, '') : null
  if (commit.code === 0) {
    return { commit: commit.stdout.toString('utf8').trim(), branch: ref?.replace(/^refs\/heads\//, '') ?? null }
  }
  if (ref === null || (await tryGit(['rev-parse', '--verify', '--quiet', ref], { cwd: root })).code === 0) {
    throw new BelayError('broken_head', 'HEAD does not name a commit that is in this repository', {
      received: ref ?? 'a detached HEAD',
      next: 'git fsck',
    })
  }
  const files = await git(['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--directory'], {
    cwd: root,
  })
  const what =
    files === '' ? 'git commit --allow-empty -m "First commit"' : 'git add -A && git commit -m "First commit"'
  throw new BelayError('unborn_head', 'this repository has no commit yet, so there is nothing to start from', {
    expected: 'at least one commit',
    received: `branch ${ref.replace(/^refs\/heads\//, '')} without commits`,
    next: what,
  })
}

/** Files of a checkout that differ from its commit. Paths are relative to `root` and sorted. */
export interface DirtyPaths {
  /** Tracked files that are staged, modified, deleted or in conflict; for a rename, both names. */
  readonly tracked: readonly string[]
  /** Files that git neither tracks nor ignores. A nested repository counts as one path, ending in `/`. */
  readonly untracked: readonly string[]
}

/**
 * Uncommitted files in the checkout at `root`. A submodule counts as modified if another of its commits is checked out, but not
 * for changes inside it. `untracked: false` skips the search for untracked files.
 */
export async function dirtyPaths(root: string, options: { readonly untracked?: boolean } = {}): Promise<DirtyPaths> {
  const args = ['status', '--porcelain=v2', '-z', '--no-renames', '--ignore-submodules=dirty']
  args.push(options.untracked === false ? '--untracked-files=no' : '--untracked-files=all')
  const result = await tryGit(args, { cwd: root })
  if (result.code !== 0) throw gitFailed(args, result)
  const tracked = new Set<string>()
  const untracked = new Set<string>()
  for (const entry of result.stdout.toString('utf8').split('\0')) {
    // `1` and `u` lines have 8 and 10 fields before the path, which may contain spaces.
    const found = /^(?:1 (?:\S+ ){7}|u (?:\S+ ){9}|\? )(.+)$/s.exec(entry)
    if (found?.[1] === undefined) continue
    if (entry.startsWith('?')) untracked.add(found[1])
    else tracked.add(found[1])
  }
  return { tracked: [...tracked].sort(), untracked: [...untracked].sort() }
}
