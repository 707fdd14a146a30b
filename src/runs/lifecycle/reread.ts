import { BelayError } from '../../core/errors.ts'
import { branchRef, readRef, updateRefs } from '../../git/refs.ts'
import { isAncestor } from '../../git/commit.ts'
import type { Repository } from '../../git/repository.ts'
import { listTasks, type RecordStore, type RunRow, type TaskDefinition, type TaskRow } from '../../record/index.ts'
import { checkGraph } from '../../scheduler/graph.ts'
import { openSource, treeFiles, type Source, type SourceTask } from '../../sources/index.ts'
import { moveJournal } from '../guard.ts'
import { toPointer } from '../plan.ts'
import { dirtySourceFiles } from '../uncommitted.ts'

/** A task as its source now defines it. */
export interface ReadAgain {
  readonly title: string
  readonly definition: TaskDefinition
  /** Open tasks of the source that are not part of the run. */
  readonly added: readonly string[]
}

/**
 * If the user has committed on the target since the run last looked, and nothing else happened there, moves the result branch
 * to those commits, so that the next attempt begins with them. Returns the newest commit from which the user's source must be
 * read.
 */
export async function catchUp(record: RecordStore, repository: Repository, run: RunRow): Promise<string> {
  const { root, head } = repository
  const target = run.target === null ? head.commit : await readRef(root, `${branchRef(run.target)}^{commit}`)
  const result = await readRef(root, branchRef(run.resultBranch))
  const newest = target ?? result ?? run.base
  if (result === null || result === newest) return newest
  if (await isAncestor(root, newest, result)) return result
  if (await isAncestor(root, result, newest)) {
    // If this fails, another process has moved the branch meanwhile, and these commits are left for later.
    await updateRefs(
      root,
      [{ verb: 'update', ref: branchRef(run.resultBranch), to: newest, old: result }],
      moveJournal(record.home, run.id),
    )
  }
  return newest
}

/**
 * Reads a task again from its source as committed at `commit`; null for a prompt, which does not change. Throws (exit 2)
 * `source_uncommitted`, `task_gone` (no longer in the source), `task_ticked`, `unknown_dependency`, `dependency_cycle`, or the
 * source's own errors.
 */
export async function readTaskAgain(
  record: RecordStore,
  repository: Repository,
  run: RunRow,
  task: TaskRow,
  commit: string,
): Promise<ReadAgain | null> {
  const { path } = run.source
  if (path === null) return null
  const dirty = await dirtySourceFiles(repository.root, path)
  if (dirty.length > 0) {
    throw new BelayError(
      'source_uncommitted',
      `files of ${path} are not committed, and a task is read from committed files only`,
      {
        expected: 'committed files',
        received: dirty.slice(0, 20).join(', '),
        next: `git add ${path} && git commit, then again: belay retry ${task.handle}`,
      },
    )
  }
  const source = await openSource(toPointer(run.source), treeFiles(repository.root, commit))
  const tasks = await listTasks(record.read, run.id)
  const found = find(source, task, path, commit)
  const definition: TaskDefinition = {
    dependsOn: knownDependencies(found, source, tasks),
    criteria: found.criteria,
    subject: found.subject,
    source: commit,
  }
  checkGraph(
    tasks.map((one) => ({
      handle: one.handle,
      dependsOn: (one.handle === task.handle ? definition : one.definition).dependsOn,
    })),
  )
  const known = new Set(tasks.map((one) => one.handle))
  const added = source.tasks.filter((one) => !one.done && !known.has(one.handle)).map((one) => one.handle)
  return { title: found.title, definition, added }
}

function find(source: Source, task: TaskRow, path: string, commit: string): SourceTask {
  const at = `${path} at commit ${commit.slice(0, 12)}`
  const found = source.tasks.find((one) => one.handle === task.handle)
  if (!found) {
    throw new BelayError('task_gone', `task ${task.handle} is not in ${at} any more`, {
      expected: `a task ${task.handle}`,
      received: source.tasks
        .slice(0, 50)
        .map((one) => one.handle)
        .join(', '),
      next: `put it back and commit that, or give it up (belay cancel ${task.handle}) and begin a new run`,
    })
  }
  if (!found.done) return found
  throw new BelayError('task_ticked', `task ${task.handle} is ticked in ${at}`, {
    expected: 'an open task',
    received: 'a ticked one',
    next: `untick it and commit that, or give it up: belay cancel ${task.handle}`,
  })
}

/** The dependencies to keep: those on tasks that are done in the source and were never part of the run are dropped. */
function knownDependencies(found: SourceTask, source: Source, tasks: readonly TaskRow[]): TaskDefinition['dependsOn'] {
  const known = new Set(tasks.map((one) => one.handle))
  const done = new Set(source.tasks.filter((one) => one.done).map((one) => one.handle))
  const strange = found.dependsOn.find((one) => !known.has(one.handle) && !done.has(one.handle))
  if (strange) {
    throw new BelayError(
      'unknown_dependency',
      `task ${found.handle} now depends on ${strange.handle}, which is not part of this run`,
      {
        expected: 'dependencies on tasks of the run',
        received: strange.handle,
        next: `take the dependency out, or give the task up (belay cancel ${found.handle}) and begin a new run`,
      },
    )
  }
  return found.dependsOn.filter((one) => known.has(one.handle))
}
