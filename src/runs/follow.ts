import { branchRef, readRef } from '../git/refs.ts'
import { BelayError, messageOf } from '../core/errors.ts'
import { followTarget, type Followed, type FollowIntent, type FollowRequest } from '../git/follow/index.ts'
import type { MoveJournal } from '../git/moves.ts'
import type { Landing } from '../programs/direct/landing.ts'
import type { Repository } from '../git/repository.ts'
import {
  appendEvents,
  assertLease,
  changeRun,
  dropIntent,
  findRun,
  getIntent,
  putIntent,
  type Lease,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'

/** Lets the target follow each landing in the background, one landing after the other, so that the next task need not wait. */
export class Follower {
  readonly #options: Omit<FollowOptions, 'to'> & { readonly landing: Landing }
  #work: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(options: Omit<FollowOptions, 'to'> & { readonly landing: Landing }) {
    this.#options = options
  }

  /** Call it after something has landed. */
  wake(): void {
    const { landing } = this.#options
    // Excludes landings of other tasks, and keeps guards from taking the half-updated checkout for the user's work.
    const follow = landing.alone(async () => followResult({ ...this.#options, to: await landing.tip() }))
    const noted = follow.catch((error: unknown) => {
      this.#failure ??= { error }
    })
    this.#work = this.#work.then(() => noted) // a chain of two, so that finished landings are not kept in memory
  }

  /** Resolves when no follow is running. Never rejects. */
  async idle(): Promise<void> {
    await this.#work
  }

  /** Throws what stopped it: the record could not be written, or another process has taken the run over. */
  check(): void {
    if (this.#failure) throw this.#failure.error
  }
}

export interface FollowOptions {
  readonly record: RecordStore
  readonly run: RunRow
  readonly repository: Repository
  readonly lease: Lease
  readonly moves: MoveJournal
  /** Tip of the result branch. */
  readonly to: string
}

/** Key of the note that Belay must create a run's target branch; the note is dropped once that is done. */
export function newTargetIntent(run: string): string {
  return `new-target:${run}`
}

/** Moves the target branch to the tip of the result branch if it can, and stores with the run whether it could. Repeatable. */
export async function followResult(options: FollowOptions): Promise<void> {
  const { record, run, repository, lease, moves, to } = options
  const { root, commonDir } = repository
  const key = `follow:${run.project}:${run.target ?? ''}`
  const from = (await getIntent<string>(record.read, `followed:${run.id}`)) ?? run.base
  const target = run.target === null ? null : branchRef(run.target)
  const noted = target === null ? null : await moves.note([{ ref: target, after: to }])
  const followed = await followOrRefuse({
    repository: { root, commonDir },
    target: run.target,
    from,
    to,
    create: (await getIntent(record.read, newTargetIntent(run.id))) !== null,
    resultBranch: run.resultBranch,
    intents: {
      read: () => getIntent<FollowIntent>(record.read, key),
      write: (intent) => putIntent(record, key, run.id, intent, lease),
      clear: () => dropIntent(record, key, lease),
    },
  })
  // If the target is at the tip although it has not landed, an interrupted update moved it, so the note stays.
  if (target !== null && (followed.landed || (await readRef(root, target)) !== to)) await noted?.end(followed.landed)
  if (followed.landed) {
    await putIntent(record, `followed:${run.id}`, run.id, to, lease)
    await dropIntent(record, newTargetIntent(run.id), lease)
  }
  const before = await findRun(record.read, run.id)
  const finishCommand = followed.landed ? null : followed.finishCommand
  const same = before?.landed === followed.landed && before.finishCommand === finishCommand
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    await changeRun(tx, run.id, record.now(), { landed: followed.landed, finishCommand })
    // The same as last time: the event of that time already reports it.
    if (same && (!followed.landed || from === to)) return
    await appendEvents(tx, record.now(), [
      {
        type: followed.landed ? 'run.landed' : 'run.not_landed',
        project: run.project,
        run: run.id,
        data: followed.landed
          ? { target: run.target, commit: to }
          : { target: run.target, commit: to, reason: followed.reason, finish_command: finishCommand },
      },
    ])
  })
}

/** A target that cannot follow does not fail the run: the reason is stored, and resume tries again. */
async function followOrRefuse(request: FollowRequest): Promise<Followed> {
  try {
    return await followTarget(request)
  } catch (error) {
    if (error instanceof BelayError && UNSTORABLE.has(error.code)) throw error
    return {
      landed: false,
      reason: { code: 'target_unwritable', message: `the target could not follow: ${messageOf(error)}` },
      finishCommand: 'belay resume',
    }
  }
}

/** Failures of the record, which must stop the run itself. */
const UNSTORABLE: ReadonlySet<string> = new Set(['lease_lost', 'record_unwritable', 'record_corrupt'])
