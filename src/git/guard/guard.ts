import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { thisHost, thisProcess } from '../../process/index.ts'
import { alone } from '../alone.ts'
import { gitDirOf } from '../git-dir.ts'
import { worktreesLock } from '../worktrees.ts'
import { ledgerPath, lives, readLedger, touchLedger, writeLedger, type Ledger } from './ledger.ts'
import { look } from './look.ts'
import type { Found, IsOurs } from './look-types.ts'
import { findPlace, observeFiles, observeRest, type Place } from './observe.ts'
import type { Finding, GuardedWorkspace, SharedState, Turn } from './state.ts'
import { mendIndex, mendWorkspace, readWorkspace } from './workspace.ts'

export interface GuardRequest {
  /** The repository's common git folder. */
  readonly commonDir: string
  /** Top of the user's checkout. */
  readonly userRoot: string
  /** Checkouts that the turn's agent works in. */
  readonly workspaces: readonly GuardedWorkspace[]
  /** Refs that the agent may move: full names. Its own branch is made again when it is gone. */
  readonly allowedRefs: readonly string[]
  /** Committer address that the agent's git runs with (`agentMark`); null when it has none. */
  readonly mark: string | null
  /** Folder of Belay's, outside the repository, where turns of all processes meet. */
  readonly ledger: string
  readonly isOurs: IsOurs
  /** Paths of Belay's own worktrees, of all runs; known before they are made. */
  ownWorktrees(): Promise<readonly string[]>
}

/** What is Belay's own doing in a repository. */
export type Ours = Pick<GuardRequest, 'isOurs' | 'ownWorktrees'>

/** The state before a turn; plain JSON. */
export interface Snapshot {
  readonly turn: Turn
  readonly place: Place
  readonly trusted: SharedState
  readonly ledger: string
}

export interface GuardReport {
  /** What an agent did to what is not its own: these fail the attempt. */
  readonly violations: readonly Finding[]
  /** What the user may want to know. */
  readonly notes: readonly Finding[]
}

/** How often a running turn says that it runs, so that after a crash it is known until when its agent could act. */
const BEAT_MS = 5000

/** An agent is killed with Belay, at most a beat after the last sign of life and a little. */
const AFTERLIFE_MS = BEAT_MS + 5000

const beats = new Map<string, NodeJS.Timeout>()

/**
 * Takes the state of everything an agent must leave alone, before its turn: configuration, hooks, attributes, refs, HEAD and
 * uncommitted files of the user, and what ties its workspaces to the repository. Turns that overlap, also in other
 * processes, share one trusted state. The agent must not run yet. End the turn with `compareAndUndo`.
 */
export async function takeSnapshot(request: GuardRequest): Promise<Snapshot> {
  const { ledger: folder, commonDir, workspaces } = request
  const path = ledgerPath(folder, commonDir)
  await settleDeadTurns(request)
  return alone(path, async () => {
    const turn: Turn = {
      id: randomId(10),
      owner: { ...thisHost(), ...thisProcess() },
      allowedRefs: request.allowedRefs,
      mark: request.mark,
      workspaces: await Promise.all(workspaces.map(readWorkspace)),
      findings: [],
    }
    const running = (await readLedger(path))?.ledger
    const ledger = running ? await lookForAll(running, request, turn.id) : await begin(request)
    await writeLedger(path, { ...ledger, turns: [...ledger.turns, turn] })
    beats.set(turn.id, setInterval(() => void touchLedger(path), BEAT_MS).unref())
    return { turn, place: ledger.place, trusted: ledger.trusted, ledger: folder }
  })
}

async function begin({ commonDir, userRoot, ledger }: GuardRequest): Promise<Ledger> {
  const userGitDir = await gitDirOf(userRoot)
  const [{ place, files }, rest] = await Promise.all([
    findPlace(commonDir, userRoot, userGitDir).then(async (found) => ({
      place: found,
      files: await alone(worktreesLock(ledger, commonDir), () => observeFiles(found)),
    })),
    observeRest({ commonDir, userRoot, userGitDir }, []),
  ])
  return { place, trusted: { ...files, ...rest }, turns: [] }
}

/** A look on behalf of all running turns: what is found is told when they end. */
async function lookForAll(ledger: Ledger, request: GuardRequest, name: string): Promise<Ledger> {
  const { trusted, found } = await look({ ...ledger, ...oursOf(request), folder: request.ledger, name, until: null })
  return { ...ledger, trusted, turns: ledger.turns.map((turn) => charge(turn, found)) }
}

function oursOf({ isOurs, ownWorktrees }: Ours): Ours {
  return { isOurs, ownWorktrees }
}

function charge(turn: Turn, found: readonly Found[]): Turn {
  return { ...turn, findings: [...turn.findings, ...shareOf(turn, found)] }
}

/**
 * What a turn answers for. What carries an agent's mark is that agent's; what carries none, and came up while several were at
 * work, fails all of them: none can be cleared.
 */
function shareOf(turn: Turn, found: readonly Found[]): Finding[] {
  return found.flatMap(({ finding, mark }) => (finding.fails && (mark === null || mark === turn.mark) ? [finding] : []))
}

/**
 * Compares after the turn, when all processes of its agent have ended, and undoes what an agent changed: files and refs are
 * put back by compare-and-swap on what was seen, so an edit made at the same moment is never lost, and what was taken away is
 * kept under refs/belay/rescued/. Uncommitted files of the user are only told. No git command runs before configuration
 * and hooks are as they were. Who moved what: see `judge` in evidence.ts. Safe to repeat. Throws `guard_failed` when
 * something that git would run cannot be put back.
 */
export async function compareAndUndo(snapshot: Snapshot, ours: Ours): Promise<GuardReport> {
  const { turn, ledger: folder, place } = snapshot
  const path = ledgerPath(folder, place.commonDir)
  clearInterval(beats.get(turn.id))
  beats.delete(turn.id)
  const own: Finding[] = []
  for (const workspace of turn.workspaces) own.push(...(await mendWorkspace(workspace)))
  for (const ref of turn.allowedRefs) await rm(join(place.commonDir, `${ref}.lock`), { force: true })
  await alone(path, async () => {
    const read = (await readLedger(path))?.ledger ?? { place, trusted: snapshot.trusted, turns: [] }
    const before = read.turns.some((one) => one.id === turn.id) ? read : { ...read, turns: [...read.turns, turn] }
    const { trusted, found } = await look({ ...before, ...oursOf(ours), folder, name: turn.id, until: null })
    const turns: Turn[] = []
    for (const one of before.turns) {
      const findings = [...one.findings, ...shareOf(one, found)]
      if (one.id === turn.id) own.push(...findings)
      else turns.push({ ...one, findings })
    }
    own.push(...found.flatMap(({ finding }) => (finding.fails ? [] : [finding])))
    await writeLedger(path, { ...before, trusted, turns })
  })
  for (const workspace of turn.workspaces) own.push(...(await mendIndex(workspace)))
  return { violations: own.filter((one) => one.fails), notes: own.filter((one) => !one.fails) }
}

/**
 * Ends the turns of processes that died, before anything else runs git in this repository again: their workspaces are tied
 * to it again, and what their agents changed while they could is undone. Later changes are the user's and stay. Returns what
 * was found. While other turns run these are charged with it. Turns that `isOver` names are ended too, though their process
 * lives: it was overtaken, and its agents have just been ended.
 */
export async function settleDeadTurns(
  request: Pick<GuardRequest, 'commonDir' | 'ledger' | keyof Ours>,
  isOver: (mark: string | null) => boolean = () => false,
): Promise<readonly Finding[]> {
  const path = ledgerPath(request.ledger, request.commonDir)
  return alone(path, async () => {
    const read = await readLedger(path)
    if (!read) return []
    const goesOn = (turn: Turn): boolean => lives(turn) && !isOver(turn.mark)
    const dead = read.ledger.turns.filter((turn) => !goesOn(turn))
    if (dead.length === 0) return []
    const findings: Finding[] = []
    for (const workspace of dead.flatMap((turn) => turn.workspaces)) findings.push(...(await mendWorkspace(workspace)))
    const alive = read.ledger.turns.filter(goesOn)
    const until = alive.length > 0 || dead.some(lives) ? null : read.aliveAt + AFTERLIFE_MS
    const { trusted, found } = await look({
      ...read.ledger,
      folder: request.ledger,
      ...oursOf(request),
      name: `crash-${randomId(6)}`,
      until,
    })
    await writeLedger(path, {
      ...read.ledger,
      trusted,
      turns: alive.map((turn) => charge(turn, found)),
    })
    return [...findings, ...found.map((one) => one.finding)]
  })
}
