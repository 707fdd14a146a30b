import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SharedState } from './state.ts'

/** One line of a reflog. */
export interface LogEntry {
  readonly from: string
  readonly to: string
  readonly email: string
  readonly message: string
}

export function parseLog(text: string): LogEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, from, to, email, message] = /^([0-9a-f]+) ([0-9a-f]+) .*<([^>]*)> \d+ [+-]\d+(?:\t(.*))?$/.exec(line) ?? []
    return from === undefined || to === undefined ? [] : [{ from, to, email: email ?? '', message: message ?? '' }]
  })
}

/** What was appended to a log since it had `size` bytes; the whole log if it is shorter now. */
export async function readFrom(path: string, size: number): Promise<string> {
  const file = await open(path, 'r').catch(() => null)
  if (!file) return ''
  try {
    const now = (await file.stat()).size
    const start = now < size ? 0 : size
    const buffer = Buffer.alloc(now - start)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Evidence of whether the user or an agent made the moves since the trusted state. */
export interface Evidence {
  /** New entries in the HEAD logs of checkouts in which no agent works. */
  readonly heads: readonly LogEntry[]
  /** Object ids that a fetch of the user brought; null: the user has not fetched. */
  readonly fetched: ReadonlySet<string> | null
  /** Whether the repository writes no reflogs, so that there is no evidence for the user. */
  readonly mute: boolean
  /** Committer addresses of the agents at work. */
  readonly marks: ReadonlySet<string>
}

export async function gather(
  before: SharedState,
  now: SharedState,
  userGitDir: string,
  marks: ReadonlySet<string>,
): Promise<Evidence> {
  const heads: LogEntry[] = []
  for (const [path, size] of Object.entries(before.headLogs)) heads.push(...parseLog(await readFrom(path, size)))
  for (const path of Object.keys(now.headLogs)) {
    if (before.headLogs[path] === undefined) heads.push(...parseLog(await readFrom(path, 0)))
  }
  const fetchHead =
    before.fetched === now.fetched ? null : await readFile(join(userGitDir, 'FETCH_HEAD'), 'utf8').catch(() => '')
  const fetched = fetchHead === null ? null : new Set(fetchHead.split('\n').map((line) => line.split('\t', 1)[0] ?? ''))
  return { heads, fetched, mute: Object.keys(before.headLogs).length === 0, marks }
}

export interface Move {
  readonly ref: string
  /** Object id or `ref: name`; null: the ref did not, or does not, exist. */
  readonly before: string | null
  readonly after: string | null
}

/** `agent`: a log proves it. `user`: a log that only the user's own work writes shows it. `unknown`: there is no evidence. */
export type Mover = { readonly who: 'agent'; readonly mark: string } | { readonly who: 'user' | 'unknown' }

/**
 * Decides who moved a ref. To the operating system, agents and the user are one account, so this rests on git's logs:
 *
 * - Agents run with their own committer address (see `agentMark`), which git writes into every log line that they cause. That
 *   proves an agent.
 * - A commit, merge, rebase, reset or switch in one of the user's checkouts is written to that checkout's HEAD log; a move by
 *   `update-ref`, `branch -f`, `push .` or `fetch` from a workspace is not. An unmarked line there that ends at the ref's new
 *   value is taken as the user's.
 * - A fetch in the user's checkout writes its FETCH_HEAD. A push leaves a line "update by push" and makes the remote branch
 *   equal to a local one.
 * - Everything else (tags, branches created or deleted without a switch) could be either and counts as the agent's, because
 *   leaving an agent's move in place is the worse mistake. The trap: a tag or a bare `git branch` that the user made during a
 *   turn is undone too. It is kept under refs/belay/rescued/ and reported with the command that restores it.
 *
 * An agent that hides its address and works inside the user's checkout looks like the user; only a sandbox prevents that.
 */
export function judge(move: Move, log: readonly LogEntry[], now: SharedState, evidence: Evidence): Mover {
  const marked = log.find((entry) => evidence.marks.has(entry.email))
  if (marked) return { who: 'agent', mark: marked.email }
  const heads = evidence.heads.filter((entry) => !evidence.marks.has(entry.email))
  const { ref, before, after } = move
  if (evidence.mute && now.head === `ref: ${ref}`) return { who: 'user' }
  if (ref === 'refs/stash')
    return heads.some((entry) => entry.message.startsWith('reset: ')) ? { who: 'user' } : { who: 'unknown' }
  if (after !== null && heads.some((entry) => entry.to === after)) return { who: 'user' }
  if (evidence.fetched !== null) {
    if (after !== null && evidence.fetched.has(after) && /^refs\/(remotes|tags)\//.test(ref)) return { who: 'user' }
    if (after === null && ref.startsWith('refs/remotes/')) return { who: 'user' } // fetch --prune
  }
  if (ref.startsWith('refs/remotes/') && log.at(-1)?.message === 'update by push' && after !== before) {
    const pushed = Object.entries(now.refs).some(
      ([name, value]) => name.startsWith('refs/heads/') && !name.startsWith('refs/heads/belay/') && value === after,
    )
    if (pushed) return { who: 'user' }
  }
  return { who: 'unknown' }
}

/** The address with which an agent's git commits: `GIT_COMMITTER_EMAIL` in its environment, recognized by `judge`. */
export function agentMark(run: string, handle: string): string {
  return `${plain(`${run}.${handle}`)}@agent.belay.invalid`
}

/** Whether a mark belongs to an agent of this run. */
export function isMarkOf(run: string, mark: string | null): boolean {
  return mark?.startsWith(plain(`${run}.`)) ?? false
}

function plain(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]/g, '_')
}
