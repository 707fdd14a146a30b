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

/** Lets the target follow each landing beside the work, one after the other: the next task need not wait for it. */
export class Follower {
  readonly #options: Omit<FollowOptions, 'to'> & { readonly landing: Landing }
  #work: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(options: Omit<FollowOptions, 'to'> & { readonly landing: Landing }) {
    this.#options = options
  }

  /** Something has landed. */
  wake(): void {
    const { landing } = this.#options
    // No other task lands meanwhile, and no guard takes the half-changed checkout for the user's doing.
    const follow = landing.alone(async () => followResult({ ...this.#options, to: await landing.tip() }))
    const noted = follow.catch((error: unknown) => {
      this.#failure ??= { error }
    })
    this.#work = this.#work.then(() => noted) // no list of all that ever landed
  }

  /** Waits until nothing of it runs. Never rejects. */
  async idle(): Promise<void> {
    await this.#work
  }

  /** Throws what stopped it: the record could not be written, or is another's now. */
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
  /** Tip of result. */
  readonly to: string
}

/** The note that a run's target is to be made by Belay; it goes when that is done. */
export function newTargetIntent(run: string): string {
  return `new-target:${run}`
}

/** The target branch follows result, as far as it can; whether it could is stored with the run. Safe to repeat. */
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
  // A target that has not landed and is there all the same was moved by an update that was interrupted.
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
    // Looked at again, and nothing was new: the event of the first time says it.
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

/** A target that cannot follow is no failure of the run: what is in the way is told, and resume tries again. */
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

/** Failures of the record, which the run itself has to stop for. */
const UNSTORABLE: ReadonlySet<string> = new Set(['lease_lost', 'record_unwritable', 'record_corrupt'])
