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
  /** Top folder of the user's checkout. */
  readonly userRoot: string
  /** Checkouts in which the turn's agent works. */
  readonly workspaces: readonly GuardedWorkspace[]
  /** Full names of the refs that the agent may move. If one is deleted, it is restored. */
  readonly allowedRefs: readonly string[]
  /** Committer address with which the agent's git runs (`agentMark`); null: none. */
  readonly mark: string | null
  /** A folder of Belay's, outside the repository, shared by the turns of all processes. */
  readonly ledger: string
  readonly isOurs: IsOurs
  /** Paths of Belay's own worktrees, of all runs. A worktree is listed before it is created. */
  ownWorktrees(): Promise<readonly string[]>
}

/** How to tell what Belay itself does in a repository. */
export type Ours = Pick<GuardRequest, 'isOurs' | 'ownWorktrees'>

/** The state before a turn, as plain JSON. */
export interface Snapshot {
  readonly turn: Turn
  readonly place: Place
  readonly trusted: SharedState
  readonly ledger: string
}

export interface GuardReport {
  /** What an agent did to things that are not its own. These fail the attempt. */
  readonly violations: readonly Finding[]
  /** What the user may want to know; fails nothing. */
  readonly notes: readonly Finding[]
}

/** How often a running turn renews its sign of life, which tells after a crash until when its agent could act. */
const BEAT_MS = 5000

/** An agent is killed together with Belay, so it ends at most one beat, plus some slack, after the last sign of life. */
const AFTERLIFE_MS = BEAT_MS + 5000

const beats = new Map<string, NodeJS.Timeout>()

/**
 * Records, before an agent's turn, the state of everything that the agent must leave alone: configuration, hooks, attributes,
 * refs, the user's HEAD and uncommitted files, and the files that tie its workspaces to the repository. Overlapping turns, also
 * of other processes, share one trusted state. The agent must not run yet. End the turn with `compareAndUndo`.
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

/** Compares on behalf of all running turns. Each turn reports its share of the findings when it ends. */
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
 * The findings for which a turn is responsible. A finding with an agent's mark fails that agent's turn. One without a mark
 * fails every turn that was running, because none can be ruled out.
 */
function shareOf(turn: Turn, found: readonly Found[]): Finding[] {
  return found.flatMap(({ finding, mark }) => (finding.fails && (mark === null || mark === turn.mark) ? [finding] : []))
}

/**
 * Compares after the turn, when all processes of its agent have ended, and undoes what an agent changed. Files and refs are
 * restored by compare-and-swap with the observed state, so a simultaneous edit is never lost; what an undo removes is kept
 * under refs/belay/rescued/. The user's uncommitted files are only reported. No git command runs before configuration and hooks
 * are restored. See `judge` in evidence.ts for who moved what. Safe to repeat. Throws `guard_failed` if something that git
 * would execute cannot be restored.
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
 * Ends the turns of dead processes, before anything else runs git in this repository again. Their workspaces are repaired, and
 * what their agents changed while they could still act is undone; later changes are the user's and stay. Returns the findings;
 * turns that are still running are charged with them too. `isOver` names turns to end although their process is alive, because
 * it was superseded and its agents have just been killed.
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
