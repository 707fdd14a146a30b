import { BelayError } from '../../core/errors.ts'
import { isAncestor } from '../../git/commit.ts'
import { branchRef, candidateRef, epochRef, readRef, snapshotRef, taskBranch, updateRefs } from '../../git/refs.ts'
import type { MoveJournal } from '../../git/moves.ts'
import { git } from '../../git/run.ts'

export interface LandingOptions {
  readonly root: string
  readonly run: string
  readonly resultBranch: string
  /** Commit at which the run began. */
  readonly base: string
  readonly moves: MoveJournal
  readonly epochMark: (handle: string) => string
  /** Called after somebody else moved the result branch and Belay moved it back. */
  readonly restored: (from: string | null, to: string) => Promise<void>
}

/** The result branch of a run. One task lands at a time, each by compare-and-swap. */
export class Landing {
  readonly #options: LandingOptions
  #turn: Promise<unknown> = Promise.resolve()
  /** Where this process, the only one allowed to move the result branch, last put it. */
  #last: string | null = null
  /** The landing that is moving the result branch right now; meanwhile the branch may be ahead of `#last`. */
  #moving: Promise<unknown> | null = null

  constructor(options: LandingOptions) {
    this.#options = options
  }

  /** Runs `work` while no other task of this process lands. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => {})
    return next
  }

  /**
   * Creates the result branch at the run's base, or moves it back to where the run last put it, so that what has landed stays
   * landed.
   */
  async begin(): Promise<void> {
    const { root, resultBranch, base, moves } = this.#options
    const ref = branchRef(resultBranch)
    const now = await readRef(root, ref)
    const places = (await moves.places(ref)).filter((place) => place !== null)
    if (now === null && places.length === 0) {
      await updateRefs(root, [{ verb: 'update', ref, to: base, old: null }], moves)
      this.#last = base
      return
    }
    const whole = now !== null && (places.length === 0 || places.includes(now))
    this.#last = whole ? now : await this.#newest(places)
    if (!whole) await this.#restore(now, this.#last)
  }

  /**
   * The newest of the places where the branch may have been put. The first is certain. The others were noted before Belay died,
   * and count only if they descend from it: git would have refused any other, and accepting one would drop landed work.
   */
  async #newest([certain, ...noted]: readonly string[]): Promise<string> {
    let newest = certain ?? this.#options.base
    for (const place of noted) if (await isAncestor(this.#options.root, newest, place)) newest = place
    return newest
  }

  /** The newest commit of the result branch. If somebody else moved the branch, moves it back first. */
  async tip(): Promise<string> {
    const { root, resultBranch } = this.#options
    for (;;) {
      await this.#moving
      const meant = this.#last
      if (meant === null) throw new Error('the result branch was not begun')
      const tip = await readRef(root, branchRef(resultBranch))
      // A landing began or ended while the branch was read, so a difference does not mean that somebody else moved it.
      if (this.#moving !== null || this.#last !== meant) continue
      if (tip !== meant) await this.#restore(tip, meant)
      return meant
    }
  }

  async #restore(from: string | null, to: string): Promise<void> {
    const { root, resultBranch, moves, restored } = this.#options
    if (!(await updateRefs(root, [{ verb: 'update', ref: branchRef(resultBranch), to, old: from }], moves))) {
      if ((await readRef(root, branchRef(resultBranch))) === to) return // another task put it back first
      const [folder = ''] = resultBranch.split('/')
      if ((await readRef(root, branchRef(folder))) !== null) throw inTheWay(folder, resultBranch)
      throw new BelayError('result_moved', `the branch ${resultBranch} is being moved by somebody else`, {
        exit: 1,
        expected: to,
        received: from ?? 'no branch',
        next: 'belay resume',
      })
    }
    await restored(from, to)
  }

  /** The commit with which a task has already landed, or null. A repeated integrate needs it when the branch has moved. */
  async findLanded(handle: string): Promise<string | null> {
    const { root, resultBranch, base, run } = this.#options
    const format =
      '%H%x00%(trailers:key=Belay-Task,valueonly,separator=%x2C)%x00%(trailers:key=Belay-Run,valueonly,separator=%x2C)'
    const log = await git(['log', `--format=${format}`, `${base}..${branchRef(resultBranch)}`], { cwd: root })
    for (const line of log.split('\n')) {
      const [commit, task, ofRun] = line.split('\0')
      if (commit && task === handle && ofRun === run) return commit
    }
    return null
  }

  /**
   * Moves the result branch from `tip` to `commit`, and the task's branch with it, only while the task's epoch is ours. Returns
   * false when the result branch has moved. Throws `lease_lost` when another process has taken the task over.
   */
  async advance(handle: string, tip: string, commit: string): Promise<boolean> {
    const { root, run, resultBranch, moves, epochMark } = this.#options
    const mark = epochMark(handle)
    const moving = updateRefs(
      root,
      [
        { verb: 'verify', ref: epochRef(run, handle), old: mark },
        { verb: 'update', ref: branchRef(resultBranch), to: commit, old: tip },
        { verb: 'update', ref: branchRef(taskBranch(run, handle)), to: commit },
        { verb: 'delete', ref: snapshotRef(run, handle) },
        { verb: 'delete', ref: candidateRef(run, handle) },
      ],
      moves,
    ).then((done) => {
      if (done) this.#last = commit
      return done
    })
    const settled = moving.catch(() => {}).then(() => (this.#moving = null))
    this.#moving = settled
    const done = await moving
    await settled
    if (done) return true
    if ((await readRef(root, epochRef(run, handle))) !== mark) {
      throw new BelayError('lease_lost', `another process has taken over ${run}/${handle}`, { next: 'belay status' })
    }
    if ((await readRef(root, branchRef(resultBranch))) !== tip) return false
    throw refConflict(taskBranch(run, handle))
  }
}

/** One of Belay's branches cannot be written although nobody moved it: another ref is in the way. */
export function refConflict(branch: string): BelayError {
  return new BelayError('ref_conflict', `the branch ${branch} cannot be written`, {
    exit: 1,
    expected: `no other branch below ${branch}/ or in its place`,
    next: `git branch --list '${branch}*', remove what is in the way, then: belay resume`,
  })
}

/** Git stores branches as paths: if a branch `belay` exists, no branch below `belay/` can. */
function inTheWay(branch: string, wanted: string): BelayError {
  return new BelayError('branch_in_the_way', `you have a branch called ${branch}, so git cannot create ${wanted}`, {
    expected: `no branch called ${branch}`,
    received: branch,
    next: `git branch -m ${branch} ANOTHER_NAME, then: belay resume`,
  })
}
