import { iso } from '../../core/clock.ts'
import { newRunId } from '../../core/ids.ts'
import { resultBranch } from '../../git/refs.ts'
import { walk, workflowProgram } from '../../programs/workflow/index.ts'
import { createRun, findRun, upsertProject, type RecordStore, type RunRow } from '../../record/index.ts'
import { newStep } from './expand.ts'
import type { WorkflowPlan } from './plan.ts'

/** Stores a planned run with its first step; no work begins yet. */
export async function beginWorkflow(record: RecordStore, { project, config, base }: WorkflowPlan): Promise<RunRow> {
  const id = newRunId(record.clock.now())
  await upsertProject(record, project.id, project.root)
  const first = walk(config.definition, [], base)
  await createRun(
    record,
    {
      id,
      project: project.id,
      program: workflowProgram.name,
      source: { kind: 'workflow', feature: config.definition.name, path: config.file, prompt: null },
      target: null,
      base: base ?? '',
      resultBranch: base === null ? '' : resultBranch(id),
      options: {},
      config,
    },
    first.create.map(newStep),
    [
      {
        type: 'run.started',
        project: project.id,
        run: id,
        data: {
          program: workflowProgram.name,
          source: 'workflow',
          workflow: config.definition.name,
          file: config.file,
          place: config.place,
          base,
          started_at: iso(record.clock.now()),
          progress: { blocked: 0, completed: 0, suspended: 0, total: first.create.length },
        },
      },
    ],
  )
  const run = await findRun(record.read, id)
  if (!run) throw new Error(`run ${id} was not stored`)
  return run
}
