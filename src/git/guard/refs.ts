import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gitFailed, tryGit } from '../run.ts'
import type { LogEntry, Move } from './evidence.ts'
import { parseLog } from './evidence.ts'

/** Prefix of the refs that keep values which an undo removed. */
export const RESCUED = 'refs/belay/rescued/'

/** Reads objects as stored, whatever an agent put in their place with refs/replace. */
export const AS_STORED = { GIT_NO_REPLACE_OBJECTS: '1' }

/** Refs that are not compared: rescued values, refs of a single checkout, and prefetched refs of `git maintenance`. */
const APART = [RESCUED, 'refs/bisect/', 'refs/worktree/', 'refs/rewritten/', 'refs/prefetch/']

/** All refs of the repository by name: an object id, or `ref: NAME` for a symbolic ref. */
export async function listRefs(root: string): Promise<Record<string, string>> {
  const args = ['for-each-ref', '--format=%(objectname) %(refname) %(symref)']
  const result = await tryGit(args, { cwd: root, env: AS_STORED })
  if (result.code !== 0) throw gitFailed(args, result)
  const refs: Record<string, string> = {}
  for (const line of result.stdout.toString('utf8').split('\n')) {
    const [id = '', name = '', target = ''] = line.split(' ')
    if (name === '' || APART.some((prefix) => name.startsWith(prefix))) continue
    refs[name] = target === '' ? id : `ref: ${target}`
  }
  return refs
}

export function movesBetween(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Move[] {
  const moves: Move[] = []
  for (const ref of Object.keys(before)) {
    if (before[ref] !== after[ref]) moves.push({ ref, before: before[ref] ?? null, after: after[ref] ?? null })
  }
  for (const ref of Object.keys(after)) {
    if (before[ref] === undefined) moves.push({ ref, before: null, after: after[ref] ?? null })
  }
  return moves
}

/** Whether `ref` is one of `allowed`, exactly: `task-1` does not allow `task-10`. */
export function isAllowed(ref: string, allowed: readonly string[]): boolean {
  return allowed.includes(ref)
}

/** A ref's log lines since it had the value `before`. If the log does not show that value, only the last line. */
export async function logSince(commonDir: string, ref: string, before: string | null): Promise<LogEntry[]> {
  const entries = parseLog(await readFile(join(commonDir, 'logs', ref), 'utf8').catch(() => ''))
  const from = before === null ? -1 : entries.findLastIndex((entry) => entry.from === before)
  return from === -1 ? (before === null ? entries : entries.slice(-1)) : entries.slice(from)
}

/**
 * Restores a ref's value before a move, if it still has the value after it; that value is kept under `keep`. False: the ref has
 * moved since, or the old value is no longer in the repository.
 */
export async function putRefBack(root: string, commonDir: string, move: Move, keep: string): Promise<boolean> {
  const { ref, before, after } = move
  if (after?.startsWith('ref: ') || before?.startsWith('ref: ')) return putSymbolicBack(root, move)
  const kept = after === null ? '' : `update ${keep}\0${after}\0\0`
  const undo =
    before === null ? `delete ${ref}\0${after}\0` : `update ${ref}\0${before}\0${after ?? '0'.repeat(before.length)}\0`
  const args = ['update-ref', '--no-deref', '-m', 'belay: undo a move by an agent', '-z', '--stdin']
  const apply = async (): Promise<boolean> =>
    (await tryGit(args, { cwd: root, env: AS_STORED, input: `${kept}${undo}` })).code === 0
  if (await apply()) return true
  if (after !== null || !(await removeBroken(join(commonDir, ref)))) return false
  return apply()
}

/** Removes a ref file that contains no ref: it is missing from every list and cannot be overwritten. */
async function removeBroken(path: string): Promise<boolean> {
  const content = await readFile(path, 'utf8').catch(() => null)
  if (content === null || /^(ref: \S+|[0-9a-f]{40,64})\n?$/.test(content)) return false
  await rm(path)
  return true
}

async function putSymbolicBack(root: string, { ref, before, after }: Move): Promise<boolean> {
  const now = await tryGit(['symbolic-ref', '--quiet', ref], { cwd: root, env: AS_STORED })
  const value = now.code === 0 ? `ref: ${now.stdout.toString('utf8').trim()}` : null
  if (after?.startsWith('ref: ') === true && value !== after) return false
  if (before === null)
    return (await tryGit(['symbolic-ref', '--delete', ref], { cwd: root, env: AS_STORED })).code === 0
  if (before.startsWith('ref: ')) {
    return (await tryGit(['symbolic-ref', ref, before.slice('ref: '.length)], { cwd: root, env: AS_STORED })).code === 0
  }
  return (await tryGit(['update-ref', '--no-deref', ref, before], { cwd: root, env: AS_STORED })).code === 0
}

/** Restores the log of the stash, which contains the stash's entries. Call it after restoring the ref. */
export async function putStashLogBack(commonDir: string, to: string | null): Promise<void> {
  const path = join(commonDir, 'logs/refs/stash')
  if (to === null) {
    await rm(path, { force: true })
    return
  }
  await writeFile(`${path}.belay`, to)
  await rename(`${path}.belay`, path)
}
