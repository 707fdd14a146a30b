import { lstat, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { alone } from '../alone.ts'
import { quoteShell } from '../quote.ts'
import { refPart } from '../refs.ts'
import { tryGit } from '../run.ts'
import { worktreesLock } from '../worktrees.ts'
import { lookAtAdded } from './added.ts'
import { gather, judge, type Evidence } from './evidence.ts'
import { onlyBranchesDiffer, readState, restore, ruleOf, sameState } from './files.ts'
import { setAside } from './large.ts'
import { ledgerPath } from './ledger.ts'
import { observeFiles, observeRest } from './observe.ts'
import { isAllowed, listRefs, logSince, movesBetween, putRefBack, putStashLogBack, RESCUED } from './refs.ts'
import type { Found, Look } from './look-types.ts'
import type { FileState, Finding, FindingKind, LargeState, SharedState } from './state.ts'

/**
 * Compares the repository with its trusted state, undoes what an agent did, and returns the new trusted state. Guarded files
 * come first and without git, so that nothing an agent has configured can run.
 */
export async function look(what: Look): Promise<{ trusted: SharedState; found: Found[] }> {
  // Other runs create and remove worktrees at the same time; a half-written entry would be taken for an agent's change.
  const { files, added } = await alone(worktreesLock(what.folder, what.place.commonDir), async () => {
    const seen = await lookAtFiles(what)
    return { files: seen, added: await lookAtAdded(what, { files: seen.trusted, worktrees: seen.worktrees }) }
  })
  const rest = await observeRest(
    what.place,
    what.turns.flatMap((turn) => turn.workspaces),
  )
  const now: SharedState = { ...rest, files: added.files, worktrees: added.worktrees }
  const marks = new Set(what.turns.flatMap((turn) => (turn.mark === null ? [] : [turn.mark])))
  const evidence = await gather(what.trusted, now, what.place.userGitDir, marks)
  const refs = await lookAtRefs(what, now, evidence)
  const head = await lookAtHead(what, now, evidence)
  const rescued = await Promise.all(files.found.map((one) => keepFile(what, one)))
  const found = [...rescued, ...added.found, ...refs.found, ...head.found, ...lookAtCheckout(what, now)]
  return {
    trusted: { ...now, refs: refs.trusted, head: head.trusted, stashLog: refs.stashLog },
    found: found.map(({ finding, mark }) => ({ finding, mark })),
  }
}

interface FoundFile extends Found {
  /** What the undo removed; null: nothing. */
  readonly content: FileState | null
  /** Copy of it, if it is a large file; to be removed. */
  readonly aside: string | null
}

async function lookAtFiles(
  what: Look,
): Promise<{ trusted: Record<string, FileState>; worktrees: SharedState['worktrees']; found: FoundFile[] }> {
  const { trusted } = what
  const now = await observeSettled(what)
  const result: Record<string, FileState> = { ...now.files }
  const found: FoundFile[] = []
  for (const path of new Set([...Object.keys(trusted.files), ...Object.keys(now.files)])) {
    const [before, after] = [trusted.files[path] ?? null, now.files[path] ?? null]
    if (sameState(before, after) || !isComparable(path, what, now.worktrees)) continue
    const rule = ruleOf(path)
    if (what.until !== null && !(await isOlder(path, what.until))) continue
    const harmless = rule.kind === 'config' && onlyBranchesDiffer(before, after)
    const undo = rule.undo && !harmless
    const tooLarge = before?.kind === 'large'
    const copy = undo && after?.kind === 'large' && !tooLarge ? asidePath(what) : null
    const kept = copy === null || (await setAside(path, after as LargeState, copy))
    const undone = undo && kept && (await restore(path, after, before))
    if (copy !== null && !undone) await rm(copy, { force: true })
    // A hook that is gone runs nothing, so the turn can end without it.
    const stays = undo && !undone && rule.fails && !(tooLarge && after === null)
    if (stays && sameState(await readState(path), after)) throw cannotUndo(path, tooLarge || !kept)
    if (undone) {
      if (before === null) delete result[path]
      else result[path] = before
    }
    const how = before === null ? 'added' : after === null ? 'removed' : 'changed'
    const lost = undo && !undone && tooLarge ? ' and cannot be put back, as Belay keeps no copy of so large a file' : ''
    const message = `${path} was ${how} during the turn${lost}`
    const finding = { kind: rule.kind, subject: path, message, fails: rule.fails && !harmless, undone, rescued: null }
    found.push({ finding, mark: null, content: undone ? after : null, aside: undone ? copy : null })
  }
  return { trusted: result, worktrees: now.worktrees, found }
}

const SETTLE_ROUNDS = 20
const SETTLE_MS = 20

/**
 * The guarded files. If the worktree entries differ from the trusted state, the user may be creating or removing a worktree
 * right now, so they are read until two reads agree.
 */
async function observeSettled({ place, trusted }: Look): Promise<Observed> {
  const worktrees = join(place.commonDir, 'worktrees')
  const notes = (state: Observed): string =>
    JSON.stringify([state.worktrees, Object.entries(state.files).filter(([path]) => path.startsWith(worktrees))])
  let seen = notes(trusted)
  for (let round = 0; ; round++) {
    const now = await observeFiles(place)
    const said = notes(now)
    if (said === seen || round === SETTLE_ROUNDS) return now
    seen = said
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  }
}

type Observed = Pick<SharedState, 'files' | 'worktrees'>

/** Belay's pool and the user create and remove worktrees, so only the files of worktrees that persisted are compared. */
function isComparable(path: string, { place, trusted }: Look, worktrees: SharedState['worktrees']): boolean {
  const inside = relative(join(place.commonDir, 'worktrees'), path)
  if (inside.startsWith('..')) return true
  const name = inside.split('/', 1)[0] ?? ''
  const known = trusted.worktrees[name]
  return known !== undefined && known === worktrees[name]
}

/** Whether a path last changed before `until` (ms); for a missing path, its nearest existing folder is checked. */
async function isOlder(path: string, until: number): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const found = await lstat(at).catch(() => null)
    if (found) return found.ctimeMs <= until // unlike the modification time, the change time cannot be set
    if (at === dirname(at)) return false
  }
}

function cannotUndo(path: string, tooLarge: boolean): BelayError {
  const why = tooLarge ? ', as Belay keeps no copy of so large a file' : ''
  return new BelayError('guard_failed', `${path} was changed during an agent's turn and cannot be put back${why}`, {
    exit: 1,
    next: 'look at the file, fix it and its permissions, then: belay resume',
  })
}

/** A path beside the ledger, from where the next holder of its lock removes what a killed process left. */
function asidePath({ folder, place }: Look): string {
  return `${ledgerPath(folder, place.commonDir)}.aside-${randomId(6)}`
}

async function keepFile(what: Look, one: FoundFile): Promise<Found> {
  try {
    return await keepContent(what, one)
  } finally {
    if (one.aside !== null) await rm(one.aside, { force: true })
  }
}

async function keepContent(what: Look, one: FoundFile): Promise<Found> {
  const root = what.place.userRoot
  const { content, aside } = one
  const input = content?.kind === 'file' ? Buffer.from(content.data, 'base64') : null
  if (input === null && aside === null) return one
  const stored =
    input === null
      ? await tryGit(['hash-object', '-w', '--no-filters', '--', aside as string], { cwd: root })
      : await tryGit(['hash-object', '-w', '--stdin'], { cwd: root, input })
  const name = relative(what.place.commonDir, one.finding.subject).split('/').map(refPart).join('/')
  const rescued = `${RESCUED}${what.name}/files/${name}`
  const kept = await tryGit(['update-ref', rescued, stored.stdout.toString('utf8').trim()], { cwd: root })
  if (kept.code !== 0) return one
  const message = `${one.finding.message}; what was there: git cat-file blob ${rescued}`
  return { ...one, finding: { ...one.finding, rescued, message } }
}

async function lookAtRefs(
  what: Look,
  now: SharedState,
  evidence: Evidence,
): Promise<{ trusted: Record<string, string>; stashLog: string | null; found: Found[] }> {
  const { place, trusted, turns } = what
  const result: Record<string, string> = { ...now.refs }
  let { stashLog } = now
  const found: Found[] = []
  const moves = movesBetween(trusted.refs, now.refs)
  // Removals first: a branch `a` cannot be restored while `a/b` exists.
  moves.sort((a, b) => Number(a.before !== null) - Number(b.before !== null))
  for (const move of moves) {
    const { ref, before, after } = move
    const allowed = turns.some((turn) => isAllowed(ref, turn.allowedRefs))
    if (allowed && (after !== null || before === null)) continue
    if (!allowed && (await what.isOurs(move))) continue
    const mover = judge(move, await logSince(place.commonDir, ref, before), now, evidence)
    if (mover.who === 'user') {
      found.push({
        finding: told('ref', ref, `${ref} was moved in your checkout during the turn; it stays so`),
        mark: null,
      })
      continue
    }
    if (what.until !== null && !(await isOlder(join(place.commonDir, ref), what.until))) continue
    const keep = `${RESCUED}${what.name}/${ref.replace(/^refs\//, '')}`
    const undone = await putRefBack(place.userRoot, place.commonDir, move, keep)
    if (!undone) {
      // Belay itself may have moved the ref after it was read; its journal then no longer knows the value seen here.
      const there = (await listRefs(place.userRoot))[ref] ?? null
      if (there !== after && (await what.isOurs({ ...move, after: there }))) {
        if (there === null) delete result[ref]
        else result[ref] = there
        continue
      }
    }
    if (undone) {
      if (before === null) delete result[ref]
      else result[ref] = before
      if (ref === 'refs/stash') {
        await putStashLogBack(place.commonDir, trusted.stashLog)
        stashLog = trusted.stashLog
      }
    }
    const rescued = undone && after !== null && !after.startsWith('ref: ') ? keep : null
    const again = rescued === null ? '' : `; if it was you: git update-ref ${quoteShell(ref)} ${rescued}`
    const how = before === null ? 'made' : after === null ? 'deleted' : 'moved'
    const message = `${ref} was ${how} during the turn${undone ? ' and is as before' : ' and could not be put back'}${again}`
    found.push({
      finding: { kind: 'ref', subject: ref, message, fails: !allowed, undone, rescued },
      mark: mover.who === 'agent' ? mover.mark : null,
    })
  }
  if (result['refs/stash'] === trusted.refs['refs/stash'] && stashLog !== trusted.stashLog && what.until === null) {
    await putStashLogBack(place.commonDir, trusted.stashLog)
    stashLog = trusted.stashLog
    const message = 'entries of the stash were dropped during the turn and are back'
    found.push({
      finding: { kind: 'ref', subject: 'refs/stash', message, fails: true, undone: true, rescued: null },
      mark: null,
    })
  }
  return { trusted: result, stashLog, found }
}

/**
 * Compares HEAD of the user's checkout. A switch changes HEAD, index and files together, and Belay never changes files there.
 * HEAD is therefore restored only if the index did not change, as when an agent wrote to HEAD alone.
 */
async function lookAtHead(
  what: Look,
  now: SharedState,
  evidence: Evidence,
): Promise<{ trusted: string | null; found: Found[] }> {
  const { trusted, place } = what
  const path = join(place.userGitDir, 'HEAD')
  if (now.head === trusted.head || trusted.head === null) return { trusted: now.head, found: [] }
  const marked = evidence.heads.find((entry) => evidence.marks.has(entry.email))
  if (!marked && (evidence.heads.length > 0 || evidence.mute)) {
    return {
      trusted: now.head,
      found: [{ finding: told('head', path, 'you switched branches during the turn'), mark: null }],
    }
  }
  if (what.until !== null && !(await isOlder(path, what.until))) return { trusted: now.head, found: [] }
  const seen = await readState(path)
  const mode = seen?.kind === 'file' ? seen.mode : 0o644
  const before: FileState = { kind: 'file', mode, data: Buffer.from(`${trusted.head}\n`).toString('base64') }
  const undone = now.index === trusted.index && (await restore(path, seen, before))
  const message = undone
    ? 'HEAD of your checkout was changed during the turn and is as before'
    : `your checkout was switched from ${trusted.head} to ${now.head} during the turn; it is left so, because files changed with it`
  const finding: Finding = { kind: 'head', subject: path, message, fails: true, undone, rescued: null }
  return { trusted: undone ? trusted.head : now.head, found: [{ finding, mark: marked?.email ?? null }] }
}

/** Changes of files in the user's checkout are only reported, because they cannot be told from the user's own work. */
function lookAtCheckout({ trusted, place }: Look, now: SharedState): Found[] {
  const before = trusted.uncommitted
  const paths = new Set([...Object.keys(before), ...Object.keys(now.uncommitted)])
  const changed = [...paths].filter((path) => before[path] !== now.uncommitted[path]).sort()
  if (changed.length === 0) return []
  const shown = `${changed.slice(0, 20).join(', ')}${changed.length > 20 ? ` and ${changed.length - 20} more` : ''}`
  const message = `uncommitted files in your checkout changed during the turn: ${shown}`
  return [{ finding: told('checkout', place.userRoot, message), mark: null }]
}

function told(kind: FindingKind, subject: string, message: string): Finding {
  return { kind, subject, message, fails: false, undone: false, rescued: null }
}
