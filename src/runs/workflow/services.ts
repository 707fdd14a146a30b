import { join } from 'node:path'
import { gateEnvironment } from '../../agents/environment.ts'
import type { MoveJournal } from '../../git/moves.ts'
import type { Repository } from '../../git/repository.ts'
import { WorkspaceKeeper } from '../../programs/direct/workspaces.ts'
import { Budget } from '../../programs/shared/budget.ts'
import { directoryPlaces, repositoryPlaces, type WorkflowServices } from '../../programs/workflow/index.ts'
import { listSessions, listTasks, type Lease, type RecordStore, type RunRow } from '../../record/index.ts'
import type { WorkspacePool } from '../../workspace/pool.ts'
import { moveJournal, repositoryGuard } from '../guard.ts'
import { preparation } from '../preparation.ts'
import { setUpStep } from './agents.ts'
import { gateSandbox } from '../sandboxes.ts'
import { workspacePool } from '../services.ts'
import { stepFolder } from './folder.ts'
import type { WorkflowConfig } from './config.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a run in a repository works with, besides its services. */
export interface OpenRepository {
  readonly repository: Repository
  readonly pool: WorkspacePool
  readonly moves: MoveJournal
  readonly keeper: WorkspaceKeeper
  /** Gives the program the epoch mark of a step that was just claimed. */
  setEpochMark(handle: string, mark: string): void
}

export interface OpenedWorkflow {
  readonly services: WorkflowServices
  /** null: the steps work in a folder. */
  readonly git: OpenRepository | null
}

/** Everything that the phases of a stored workflow run need; the same for a new and a resumed run. */
export async function openWorkflowRun(
  record: RecordStore,
  run: RunRow,
  repository: Repository | null,
  env: Environment,
  lease: Lease,
): Promise<OpenedWorkflow> {
  const config = run.config as WorkflowConfig
  const marks = new Map<string, string>()
  const epochMark = (handle: string): string => {
    const mark = marks.get(handle)
    if (mark === undefined) throw new Error(`step ${handle} was not claimed by this process`)
    return mark
  }
  const git =
    repository === null
      ? null
      : openGit(record, run, repository, env, lease, (handle, mark) => void marks.set(handle, mark))
  const services: WorkflowServices = {
    record,
    project: run.project,
    run,
    definition: config.definition,
    input: config.input,
    budget: new Budget(config.budget, await listSessions(record.read, run.id), record.clock, run.workedMs),
    sessions: join(record.home, 'sessions'),
    places:
      git === null
        ? directoryPlaces(
            (handle) => stepFolder(record.home, run.id, config.definition, handle),
            config.definition.workspace !== 'directory-per-step',
          )
        : repositoryPlaces({
            root: git.repository.root,
            keeper: git.keeper,
            moves: git.moves,
            epochMark,
            sign: config.sign,
          }),
    steps: () => listTasks(record.read, run.id),
    setUp: (state) => setUpStep(state, config, env),
  }
  return { services, git }
}

function openGit(
  record: RecordStore,
  run: RunRow,
  repository: Repository,
  env: Environment,
  lease: Lease,
  setEpochMark: OpenRepository['setEpochMark'],
): OpenRepository {
  const { root } = repository
  const { project } = run.config as WorkflowConfig
  if (project === null) throw new Error(`run ${run.id} has no configuration of a repository`)
  const pool = workspacePool(record, run, root, lease)
  const moves = moveJournal(record.home, run.id)
  const keeper = new WorkspaceKeeper({
    pool,
    root,
    owned: [],
    preparation: preparation({
      config: project,
      root,
      pool,
      env: gateEnvironment(env, project.providers),
      confine: gateSandbox(project.verify.sandbox),
    }),
    moves,
    guard: repositoryGuard({ repository, record, moves }),
  })
  return { repository, pool, moves, keeper, setEpochMark }
}
