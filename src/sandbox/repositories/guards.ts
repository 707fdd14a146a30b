import { existsSync, lstatSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { addPlaceholder, isPlaceholder, removePlaceholder } from './placeholders.ts'
import { real } from '../paths.ts'

/**
 * What of a git repository must not be written although it lies in a folder that can be: everything by which git would later
 * run a program for whoever uses the repository outside of the sandbox.
 */
export interface GitGuards {
  /** Folders that must stay where they are, so that nobody puts another in their place. */
  readonly pinned: readonly string[]
  readonly readOnly: readonly string[]
  /** Folders that are not there and must not come into being. */
  readonly absent: readonly string[]
  /** Files that must not come into being, and that nothing can be put in place of; they are removed when they do. */
  readonly forbidden: readonly string[]
}

const IN_GIT_DIR = ['config', 'config.worktree', 'hooks', 'info', 'modules', 'worktrees', 'commondir', 'gitdir']
const NONE: GitGuards = { pinned: [], readOnly: [], absent: [], forbidden: [] }

/**
 * The guards of a folder that can be written: of the repository that it is, or that has its working tree there; where there is
 * none, of the place where one would be made.
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

/** The guards of a git folder; `pin`: it must stay where it is. */
export function guardsOfGitDir(gitDir: string, pin: boolean): GitGuards {
  const paths = IN_GIT_DIR.map((name) => join(gitDir, name))
  return {
    pinned: pin ? [gitDir] : [],
    readOnly: paths.filter((path) => existsSync(path) && !isPlaceholder(path)),
    absent: ['hooks', 'info', 'modules']
      .map((name) => join(gitDir, name))
      .filter((path) => !existsSync(path) || isPlaceholder(path)),
    // These two lead git elsewhere; an empty file of the first would break it, so that nothing can be put in its place.
    forbidden: ['commondir', 'config.worktree'].map((name) => join(gitDir, name)).filter((path) => !existsSync(path)),
  }
}

/**
 * Puts an empty folder wherever a guard wants none to come into being, so that it can be mounted read-only. Returns what takes
 * them away again, unless something else was put there from outside or another program still needs them; safe to repeat.
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

/** Removes what came into being although it must not. Returns what was removed. */
export function removeForbidden(guards: readonly GitGuards[]): readonly string[] {
  const found = guards.flatMap((one) => one.forbidden).filter((path) => existsSync(path))
  for (const path of found) rmSync(path, { recursive: true, force: true })
  return found
}

function isGitDir(folder: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) => existsSync(join(folder, name)))
}

/**
 * The git folders outside of `root` that its working tree needs to be readable: its own and the common one. Only those of a
 * repository that says itself that this is its working tree: what stands in `.git` may be an agent's.
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

/** Files of a home folder that a shell or a program reads when its owner uses it. */
const READ_AT_LOGIN =
  /^\.(bash|zsh|profile|login|gitconfig|gitmodules|ripgreprc|inputrc|tmux|vimrc|npmrc|pam_environment|xprofile|xsessionrc|kshrc|cshrc)/

/** Where `folder` is a home folder: what there must stay as it is. */
export function homeGuards(folder: string, home: string): readonly string[] {
  if (real(folder) !== real(home)) return []
  const dotfiles = readdirSync(folder).filter((name) => READ_AT_LOGIN.test(name))
  const folders = ['.config', '.local/bin', '.ssh', '.vim', 'bin', 'Library/LaunchAgents']
  return [...dotfiles, ...folders].map((name) => join(folder, name)).filter((path) => existsSync(path))
}
