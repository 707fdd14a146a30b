import { existsSync, lstatSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { addPlaceholder, isPlaceholder, removePlaceholder } from './placeholders.ts'
import { real } from '../paths.ts'

/**
 * Paths of a git repository that must not be written although they are in a writable folder: everything that could later make
 * git run a program for those who use the repository outside the sandbox.
 */
export interface GitGuards {
  /** Folders that must stay in place, so that they cannot be replaced. */
  readonly pinned: readonly string[]
  readonly readOnly: readonly string[]
  /** Missing folders that must not be created. */
  readonly absent: readonly string[]
  /** Missing files that must not be created but cannot be blocked by a placeholder; they are removed afterwards. */
  readonly forbidden: readonly string[]
}

const IN_GIT_DIR = ['config', 'config.worktree', 'hooks', 'info', 'modules', 'worktrees', 'commondir', 'gitdir']
const NONE: GitGuards = { pinned: [], readOnly: [], absent: [], forbidden: [] }

/**
 * The guards of a writable folder: those of the repository that it is, or whose working tree is there; if there is none, of the
 * place where one would be created.
 */
export function gitGuards(root: string): GitGuards {
  if (!(statSync(root, { throwIfNoEntry: false })?.isDirectory() ?? false)) return NONE
  const dotGit = join(root, '.git')
  const kind = lstatSync(dotGit, { throwIfNoEntry: false })
  if (kind === undefined || isPlaceholder(dotGit)) {
    if (isGitDir(root)) return guardsOfGitDir(root, false)
    return { ...NONE, absent: [dotGit] }
  }
  const folder = statSync(dotGit, { throwIfNoEntry: false })?.isDirectory() ?? false
  if (!folder || !isGitDir(dotGit)) return { ...NONE, readOnly: [dotGit] }
  return guardsOfGitDir(real(dotGit), true)
}

/** The guards of a git folder. `pin`: it must also stay in place. */
export function guardsOfGitDir(gitDir: string, pin: boolean): GitGuards {
  const paths = IN_GIT_DIR.map((name) => join(gitDir, name))
  return {
    pinned: pin ? [gitDir] : [],
    readOnly: paths.filter((path) => existsSync(path) && !isPlaceholder(path)),
    absent: ['hooks', 'info', 'modules']
      .map((name) => join(gitDir, name))
      .filter((path) => !existsSync(path) || isPlaceholder(path)),
    // Both redirect git. An empty `commondir` would break git, so these cannot be blocked by a placeholder.
    forbidden: ['commondir', 'config.worktree'].map((name) => join(gitDir, name)).filter((path) => !existsSync(path)),
  }
}

/**
 * Creates an empty folder wherever a guard wants none to be created, so that it can be mounted read-only. Returns a function
 * that removes these folders, except those that got content from outside or that other programs still need. Safe to repeat.
 */
export function addPlaceholders(guards: readonly GitGuards[]): () => void {
  const places = guards.flatMap((one) => one.absent).filter((path) => addPlaceholder(path))
  let released = false
  return () => {
    if (released) return
    released = true
    for (const path of places) removePlaceholder(path)
  }
}

/** Removes forbidden files that were created nevertheless. Returns what was removed. */
export function removeForbidden(guards: readonly GitGuards[]): readonly string[] {
  const found = guards.flatMap((one) => one.forbidden).filter((path) => existsSync(path))
  for (const path of found) rmSync(path, { recursive: true, force: true })
  return found
}

function isGitDir(folder: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) => existsSync(join(folder, name)))
}

/**
 * The git folders outside `root` that must be readable for its working tree: its own and the common one. Only those of a
 * repository that confirms that this is its working tree, because an agent may have written `.git`.
 */
export function outsideGitDirs(root: string): readonly string[] {
  const dotGit = join(root, '.git')
  if (!statSync(dotGit, { throwIfNoEntry: false })?.isFile()) return []
  const own = /^gitdir: (.+)$/m.exec(readFileSync(dotGit, 'utf8'))?.[1]
  if (own === undefined) return []
  const gitDir = resolve(root, own)
  const common = readIfThere(join(gitDir, 'commondir'))
  const back = readIfThere(join(gitDir, 'gitdir'))
  if (common === null || back === null || real(back.trim()) !== real(dotGit)) return []
  const shared = resolve(gitDir, common.trim())
  return isGitDir(shared) ? [real(gitDir), real(shared)] : []
}

function readIfThere(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

/** Files of a home folder that a shell or another program reads when the user starts it. */
const READ_AT_LOGIN =
  /^\.(bash|zsh|profile|login|gitconfig|gitmodules|ripgreprc|inputrc|tmux|vimrc|npmrc|pam_environment|xprofile|xsessionrc|kshrc|cshrc)/

/** Paths that must stay unchanged if `folder` is the home folder; else empty. */
export function homeGuards(folder: string, home: string): readonly string[] {
  if (real(folder) !== real(home)) return []
  const dotfiles = readdirSync(folder).filter((name) => READ_AT_LOGIN.test(name))
  const folders = ['.config', '.local/bin', '.ssh', '.vim', 'bin', 'Library/LaunchAgents']
  return [...dotfiles, ...folders].map((name) => join(folder, name)).filter((path) => existsSync(path))
}
