import { join } from 'node:path'
import { gateEnvironment } from '../agents/environment.ts'
import type { Config } from '../config/index.ts'
import type { Repository } from '../git/repository.ts'
import { Budget } from '../programs/shared/budget.ts'
import { Landing } from '../programs/direct/landing.ts'
import type { DirectServices } from '../programs/direct/services.ts'
import { WorkspaceKeeper } from '../programs/direct/workspaces.ts'
import { appendEvents, listSessions, type Lease, type RecordStore, type RunRow, type TaskRow } from '../record/index.ts'
import { openSource, treeFiles, type Source } from '../sources/index.ts'
import { WorkspacePool, makeScratch } from '../workspace/pool.ts'
import { meetingFolder, moveJournal, repositoryGuard } from './guard.ts'
import { toPointer } from './plan.ts'
import { preparation } from './preparation.ts'
import { rolesOf } from './roles.ts'
import { gateSandbox } from './sandboxes.ts'

/** Options of `belay run` beyond the configuration; stored with the run, so that resume behaves the same. */
export interface RunOptions {
  readonly until: string | null
  readonly keepGoing: boolean
  readonly noWait: boolean
  readonly acceptRedBaseline: boolean
  readonly allowAbsentGates: boolean
  readonly sign: boolean
}

export interface OpenedRun {
  readonly services: DirectServices
  readonly config: Config
  readonly options: RunOptions
  readonly pool: WorkspacePool
  /** Gives the program the epoch mark of a task that was just claimed. */
  setEpochMark(handle: string, mark: string): void
}

export function workspacePool(
  record: RecordStore,
  run: RunRow,
  root: string,
  lease: Lease | null = null,
): WorkspacePool {
  const { workspace } = run.config as Config
  return new WorkspacePool({
    record,
    project: run.project,
    run: run.id,
    root,
    folder: join(workspace.root ?? join(record.home, 'workspaces'), run.project),
    meeting: meetingFolder(record.home),
    lease,
  })
}

/** Returns the source of a task at the commit at which the task was read: one that was read again has its own. */
function sourcesOf(run: RunRow, root: string, base: Source): (task: TaskRow) => Promise<Source> {
  const known = new Map<string, Promise<Source>>([[run.base, Promise.resolve(base)]])
  return (task) => {
    const commit = task.definition.source ?? run.base
    const source = known.get(commit) ?? openSource(toPointer(run.source), treeFiles(root, commit))
    known.set(commit, source)
    return source
  }
}

/** Everything that the phases of a stored run need; the same for a new and a resumed run. */
export async function openRun(
  record: RecordStore,
  run: RunRow,
  repository: Repository,
  env: Readonly<Record<string, string | undefined>>,
  lease: Lease,
): Promise<OpenedRun> {
  const config = run.config as Config
  const options = run.options as unknown as RunOptions
  const { root } = repository
  const source = await openSource(toPointer(run.source), treeFiles(root, run.base))
  const marks = new Map<string, string>()
  const epochMark = (handle: string): string => {
    const mark = marks.get(handle)
    if (mark === undefined) throw new Error(`task ${handle} was not claimed by this process`)
    return mark
  }
  const pool = workspacePool(record, run, root, lease)
  const scratch = await makeScratch(record.home, run.id)
  const gateEnv = gateEnvironment(env, config.providers)
  const confine = gateSandbox(config.verify.sandbox)
  const restored = (from: string | null, to: string): Promise<void> =>
    record.write((tx) =>
      appendEvents(tx, record.now(), [
        {
          type: 'run.result_restored',
          project: run.project,
          run: run.id,
          data: { branch: run.resultBranch, from, to },
        },
      ]),
    )
  const moves = moveJournal(record.home, run.id)
  const { resultBranch, base } = run
  const landing = new Landing({ root, run: run.id, resultBranch, base, moves, epochMark, restored })
  const services: DirectServices = {
    record,
    project: run.project,
    run,
    root,
    commonDir: repository.commonDir,
    source,
    sourceOf: sourcesOf(run, root, source),
    settings: {
      maxIterations: config.task.maxIterations,
      allowEmpty: config.task.allowEmpty,
      gates: config.verify.gates,
      protectedGlobs: config.verify.protected,
      acceptRedBaseline: options.acceptRedBaseline,
      allowAbsentGates: options.allowAbsentGates,
      sign: options.sign,
    },
    roles: rolesOf(config, env),
    pool,
    workspaces: new WorkspaceKeeper({
      pool,
      root,
      owned: source.owned,
      preparation: preparation({ config, root, pool, env: gateEnv, confine }),
      moves,
      guard: repositoryGuard({ repository, record, moves, quiet: () => landing.alone(() => Promise.resolve()) }),
    }),
    budget: new Budget(config.budget, await listSessions(record.read, run.id), record.clock, run.workedMs),
    landing,
    moves,
    gateEnv,
    confine,
    scratch,
    sessions: join(record.home, 'sessions'),
    epochMark,
  }
  return { services, config, options, pool, setEpochMark: (handle, mark) => void marks.set(handle, mark) }
}
