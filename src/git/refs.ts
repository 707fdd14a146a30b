import { createHash } from 'node:crypto'
import { BelayError } from '../core/errors.ts'
import type { MoveJournal } from './moves.ts'
import { findObject, writeObject } from './objects.ts'
import { git, gitFailed, type GitResult } from './run.ts'
import { GitEnded, standingGit } from './standing.ts'

/** Sets or deletes a ref, or checks its value. `old` null: it must not exist; undefined: it may have any value. */
export type RefCommand =
  | { readonly verb: 'update'; readonly ref: string; readonly to: string; readonly old?: string | null }
  | { readonly verb: 'delete'; readonly ref: string; readonly old?: string }
  | { readonly verb: 'verify'; readonly ref: string; readonly old: string | null }

/** Id of the object that `ref` names; null: there is no such ref. */
export async function readRef(root: string, ref: string): Promise<string | null> {
  return (await findObject(root, ref))?.id ?? null
}

/**
 * Applies all commands in one ref transaction, or none. False: a ref did not have its expected value. Any other failure throws
 * (`git_failed`, `ref_locked`). `journal` gets the moves before they are tried, and their outcome afterwards.
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
  // Without an explicit commit, git would apply what it has read so far when a dying Belay closes the pipe.
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

/** Interprets the end of git, by which it refuses a transaction. */
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
  // `create` means "must not exist" and avoids the null id, whose length depends on the repository's hash.
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

/** The longest part of a ref name that, with the prefix `resolved-` and the suffix `.lock`, is still a valid file name. */
const MAX_PART = 240

/**
 * `text` as one part of a ref name. Everything that git or a file system could misinterpret is encoded as `=XX`, and a text
 * that is too long for a file name ends in a hash. The same text always gives the same part, and different texts give different
 * parts.
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
  return `${part.slice(0, MAX_PART - hash.length - 2)}==${hash}` // the encoding alone never contains `==`
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

/** The ref that stores a task's epoch in git, by which ref moves of a superseded process are refused. */
export function epochRef(run: string, handle: string): string {
  return `refs/belay/epoch/${run}/${refPart(handle)}`
}

/** The ref that protects the objects of a task's latest attempt from garbage collection. */
export function snapshotRef(run: string, handle: string): string {
  return `refs/belay/snapshot/${run}/${refPart(handle)}`
}

/** The ref that keeps a task's proven candidate while it waits for review, a person or its turn to land. */
export function candidateRef(run: string, handle: string): string {
  return `refs/belay/candidate/${run}/${refPart(handle)}`
}

/** Prefixes of all of Belay's private refs of a run, which do not include its branches. */
export function privateRefs(run: string): readonly string[] {
  return [epochRef(run, ''), snapshotRef(run, ''), candidateRef(run, '')]
}

/** Full names of the refs below the given prefixes. */
export async function refsBelow(root: string, prefixes: readonly string[]): Promise<string[]> {
  const list = await git(['for-each-ref', '--format=%(refname)', ...prefixes], { cwd: root })
  return list.split('\n').filter((ref) => ref !== '')
}

/** Removes Belay's private refs of a run (epochs, snapshots, candidates); branches stay. */
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
 * Writes `epoch` into the task's epoch ref and returns the object id that ref moves must verify. `stillOurs` is called between
 * reading and writing; together with the compare-and-swap, this prevents an older holder from overwriting a newer one's epoch.
 * Throws `lease_lost`.
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
    // An older holder was writing at that moment. Its epoch is refused by now, so this happens once at most.
  }
  throw new BelayError('lease_lost', `another process has taken over ${run}/${handle}`, { next: 'belay status' })
}
