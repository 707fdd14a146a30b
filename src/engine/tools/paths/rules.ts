import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { BelayError } from '../../../core/errors.ts'
import { stateHome } from '../../../core/home.ts'
import { printable } from '../../../core/text.ts'
import type { ToolContext, ToolDemand } from '../../port.ts'
import { outputsFolder } from '../output/kept.ts'
import { isBelayFile, isGitInternal, isSecret, isStartFile } from './names.ts'

export type Want = 'read' | 'write'

/** What file tools may touch. All paths are real paths. */
export interface Rules {
  readonly workspace: string
  /** null: everything. */
  readonly readable: readonly string[] | null
  readonly writable: readonly string[] | null
  readonly denied: readonly string[]
  /** Neither readable nor writable, except for paths in `known`. */
  readonly hidden: readonly string[]
  readonly known: readonly string[]
}

/** The context's sandbox policy as rules for file tools, which run outside the sandbox. */
export function rulesOf(context: ToolContext): Rules {
  const { access, write, denyRead, read } = context.sandbox.policy
  const workspace = real(context.workspace)
  // Policy paths are real paths. One that is a link by now was replaced, and no longer counts.
  const inPlace = (paths: readonly string[]): readonly string[] => paths.filter((path) => real(path) === path)
  const folders = inPlace(write).filter((path) => !isGitFolder(path))
  // Belay's state folder; it also holds the workspaces of runs, which stay accessible as `known`.
  const hidden = [stateHome(process.env)]
  const known = [workspace, ...[...inPlace(read), ...context.readable, outputsFolder(context.store)].map(real)]
  return {
    workspace,
    readable:
      access === 'full'
        ? null
        : [workspace, ...folders, ...context.readable.map(real), real(outputsFolder(context.store))],
    writable: access === 'full' ? null : access === 'read-only' ? [] : [workspace, ...folders],
    denied: denyRead.map(real),
    hidden: hidden.map(real),
    known,
  }
}

/**
 * The absolute host path that the model means, without looking at the file system. Throws `path_refused` for an invalid path.
 */
export function pathOf(given: string, context: ToolContext): string {
  if (given === '') throw new BelayError('path_refused', 'the path is empty', { expected: 'a path in the workspace' })
  if (given.includes('\0')) throw new BelayError('path_refused', 'a path cannot hold a NUL character')
  if (given === '~' || given.startsWith('~/')) return join(context.env['HOME'] ?? homedir(), given.slice(1))
  if (!isAbsolute(given)) return resolve(context.workspace, given)
  // In a container the workspace has another path, which the model sees in the output of programs.
  return resolve(context.sandbox.toHost(given) ?? given)
}

/** A path for display: relative to the workspace if it is inside. */
export function shown(path: string, context: ToolContext): string {
  for (const root of [context.workspace, real(context.workspace)]) {
    if (isWithin(path, root)) return printable(relative(root, path)) || '.'
  }
  return printable(path)
}

/**
 * Decides whether `target`, a real path, may be read or written. `named` is the absolute path that the model gave: a secret
 * file must be requested by its own name, not through a link with a harmless one.
 */
export function judgePath(target: string, named: string, want: Want, rules: Rules): ToolDemand {
  const roots = want === 'read' ? rules.readable : rules.writable
  if (roots?.length === 0) return deny('this session is read-only: nothing can be written')
  if (roots !== null && !roots.some((root) => isWithin(target, root))) {
    return deny(`${printable(target)} is outside of the workspace (${rules.workspace})`)
  }
  if (isKeptFromAgents(target, rules)) return deny(`${printable(target)} is not for agents`)
  if (want === 'read') {
    if (!isSecret(inside(target, rules))) return { decision: 'allow', reason: 'in the workspace' }
    if (!isSecret(inside(named, rules))) {
      return deny(
        `${printable(named)} leads to ${printable(target)}, which looks secret: ask for that one by its own path`,
      )
    }
    return { decision: 'ask', reason: `${printable(target)} looks like a file with secrets` }
  }
  if (isGitInternal(target)) return deny(`${printable(target)} is git's own: use git commands`)
  if (isStartFile(target))
    return { decision: 'ask', reason: `${printable(target)} is run or read by shells or git later` }
  if (isBelayFile(inside(target, rules)))
    return { decision: 'ask', reason: `${printable(target)} is what Belay itself is told by` }
  return { decision: 'allow', reason: 'in the workspace' }
}

/** Whether `target`, a real path, is neither to be read nor listed, whatever the access. */
export function isKeptFromAgents(target: string, rules: Rules): boolean {
  const isIn = (folders: readonly string[]): boolean => folders.some((folder) => isWithin(target, folder))
  return isIn(rules.denied) || (isIn(rules.hidden) && !isIn(rules.known))
}

/** Only the part of a path below the workspace is judged by its names. */
function inside(path: string, rules: Rules): string {
  return isWithin(path, rules.workspace) ? relative(rules.workspace, path) : path
}

function deny(reason: string): ToolDemand {
  return { decision: 'deny', reason }
}

/** Whether `path` is `root` or below it. Both must be absolute and normalised. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

function isGitFolder(path: string): boolean {
  return existsSync(join(path, 'HEAD')) && existsSync(join(path, 'objects'))
}

function real(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return resolve(path) // does not exist, so nothing can be inside it
  }
}
