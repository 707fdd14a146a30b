import { createHash } from 'node:crypto'
import { BelayError } from '../core/errors.ts'
import type { MoveJournal } from './moves.ts'
import { findObject, writeObject } from './objects.ts'
import { git, gitFailed, type GitResult } from './run.ts'
import { GitEnded, standingGit } from './standing.ts'

/** Deletes a ref, creates one, or checks one without changing it; `old` null means "must not exist", undefined "whatever". */
export type RefCommand =
  | { readonly verb: 'update'; readonly ref: string; readonly to: string; readonly old?: string | null }
  | { readonly verb: 'delete'; readonly ref: string; readonly old?: string }
  | { readonly verb: 'verify'; readonly ref: string; readonly old: string | null }

/** Commit (or other object) that `ref` names, or null when there is none. */
export async function readRef(root: string, ref: string): Promise<string | null> {
  return (await findObject(root, ref))?.id ?? null
}

/**
 * Applies all commands in one ref transaction, or none. False when a ref did not have the value it was to have (somebody
 * was faster); any other failure throws `git_failed`. The moves are noted in `journal` first, and how they came out after.
 */
export async function updateRefs(
  root: string,
  commands: readonly RefCommand[],
  journal: MoveJournal,
): Promise<boolean> {
  const noted = await journal.note(
    commands.flatMap((one) =>
      one.verb === 'verify' ? [] : [{ ref: one.ref, after: one.verb === 'update' ? one.to : null }],
    ),
  )
  // Without an explicit commit, git would apply what it has read when a Belay that dies closes the pipe.
  const input = ['start\0', ...commands.map(encode), 'commit\0'].join('')
  const updater = await standingGit(root, UPDATER)
  try {
    await updater.ask(input, (seen) =>
      seen.toString('latin1').endsWith('commit: ok\n') ? { value: true } : { more: seen.length + 1 },
    )
  } catch (error) {
    if (!(error instanceof GitEnded)) throw error
    const none = refused(error.result)
    await noted.end(none)
    return none
  }
  await noted.end(true)
  return true
}

const UPDATER = ['update-ref', '--no-deref', '--stdin', '-z'] as const

/** A refused transaction ends git. */
function refused(result: GitResult): false {
  if (
    /cannot lock ref|reference already exists|is at .* but expected|unable to resolve reference/.test(result.stderr)
  ) {
    if (/Unable to create .*\.lock/.test(result.stderr)) throw lockedRef(result.stderr)
    return false
  }
  throw gitFailed(UPDATER, result)
}

function encode(command: RefCommand): string {
  // "Must not exist" without a null id, whose length would depend on the repository's hash.
  if (command.verb === 'update' && command.old === null) return `create ${command.ref}\0${command.to}\0`
  if (command.verb === 'update') return `update ${command.ref}\0${command.to}\0${command.old ?? ''}\0`
  return `${command.verb} ${command.ref}\0${command.old ?? ''}\0`
}

function lockedRef(stderr: string): BelayError {
  return new BelayError('ref_locked', `a git ref is locked by another git process: ${stderr.trim().slice(0, 500)}`, {
    exit: 1,
    next: 'when no git process runs in this repository, remove the named .lock file, then: belay resume',
  })
}

/** The longest part of a ref name: with `resolved-` before and `.lock` behind it, it is a file name. */
const MAX_PART = 240

/**
 * `text` as one part of a ref name: anything that git or a file system could trip over is percent-encoded, and what is too long
 * for a file name has a hash for its end. The same for the same text, and another one for another.
 */
export function refPart(text: string): string {
  const safe = [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[A-Za-z0-9_.-]/.test(char) ? char : `=${byte.toString(16).padStart(2, '0')}`
    })
    .join('')
  const part = safe
    .replace(/^\./, '=2e')
    .replace(/\.\./g, '.=2e')
    .replace(/\.$/, '=2e')
    .replace(/\.lock$/, '=2elock')
  if (part.length <= MAX_PART) return part
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 40)
  return `${part.slice(0, MAX_PART - hash.length - 2)}==${hash}` // never two of them in what is only encoded
}

/** The branch that collects a run's landed tasks; it is never checked out. */
export function resultBranch(run: string): string {
  return `belay/${run}/result`
}

/** The branch on which a task's agent works. */
export function taskBranch(run: string, handle: string): string {
  return `belay/${run}/task-${refPart(handle)}`
}

/** The branch on which a person resolves the conflicts of a workflow's step. */
export function resolvedBranch(run: string, handle: string): string {
  return `belay/${run}/resolved-${refPart(handle)}`
}

/** Full name of a branch. */
export function branchRef(branch: string): string {
  return `refs/heads/${branch}`
}

/** Where a task's epoch stands in git, so that ref moves of a process that was overtaken are refused. */
export function epochRef(run: string, handle: string): string {
  return `refs/belay/epoch/${run}/${refPart(handle)}`
}

/** Keeps the objects of a task's latest attempt from being collected as garbage. */
export function snapshotRef(run: string, handle: string): string {
  return `refs/belay/snapshot/${run}/${refPart(handle)}`
}

/** Keeps what a task has proven, while it waits for its review, a person or its turn to land. */
export function candidateRef(run: string, handle: string): string {
  return `refs/belay/candidate/${run}/${refPart(handle)}`
}

/** Below these are all of Belay's own refs of a run; its branches are not among them. */
export function privateRefs(run: string): readonly string[] {
  return [epochRef(run, ''), snapshotRef(run, ''), candidateRef(run, '')]
}

/** Full names of the refs below the given prefixes. */
export async function refsBelow(root: string, prefixes: readonly string[]): Promise<string[]> {
  const list = await git(['for-each-ref', '--format=%(refname)', ...prefixes], { cwd: root })
  return list.split('\n').filter((ref) => ref !== '')
}

/** Removes Belay's own refs of a run (epochs, snapshots, candidates); branches stay. */
export async function dropPrivateRefs(root: string, run: string, moves: MoveJournal): Promise<void> {
  const refs = await refsBelow(root, privateRefs(run))
  if (refs.length === 0) return
  await updateRefs(
    root,
    refs.map((ref) => ({ verb: 'delete', ref })),
    moves,
  )
}

const RAISE_ROUNDS = 5

/**
 * Writes `epoch` into the task's epoch ref and returns the object that ref moves must verify. `stillOurs` is asked between
 * reading and writing; with the compare-and-swap that closes the window in which an older holder could write over a newer.
 */
export async function raiseEpochRef(
  root: string,
  run: string,
  handle: string,
  epoch: number,
  stillOurs: () => Promise<void>,
  journal: MoveJournal,
): Promise<string> {
  const ref = epochRef(run, handle)
  const mark = await writeObject(root, 'blob', `${run} ${handle} ${epoch}\n`)
  for (let round = 0; round < RAISE_ROUNDS; round++) {
    const old = await readRef(root, ref)
    await stillOurs()
    if (old === mark || (await updateRefs(root, [{ verb: 'update', ref, to: mark, old }], journal))) return mark
    // An older holder was writing at that moment. Its epoch is refused by now, so it does so once at most.
  }
  throw new BelayError('lease_lost', `another process has taken over ${run}/${handle}`, { next: 'belay status' })
}
