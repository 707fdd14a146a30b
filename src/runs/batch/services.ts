import { join } from 'node:path'
import { ResultsFile, expectation, type BatchServices } from '../../programs/batch/index.ts'
import { Budget } from '../../programs/shared/budget.ts'
import type { RoleSetup } from '../../programs/shared/role.ts'
import { listSessions, type RecordStore, type RunRow } from '../../record/index.ts'
import { makeScratch } from '../../workspace/pool.ts'
import { setUp, withPolicy } from '../roles.ts'
import { questionOf, type BatchConfig } from './config.ts'

/** The agent that answers, with the command policy and model services for the batch's folder. */
export function batchRole(config: BatchConfig, env: Readonly<Record<string, string | undefined>>): RoleSetup {
  return withPolicy(setUp(config.role, env), config)
}

/** Everything that the phases of a stored batch run need; the same for a new and a resumed run. */
export async function openBatch(
  record: RecordStore,
  run: RunRow,
  env: Readonly<Record<string, string | undefined>>,
): Promise<BatchServices> {
  const config = run.config as BatchConfig
  return {
    record,
    project: run.project,
    run,
    root: config.root,
    settings: {
      prompt: config.prompt,
      maxAttempts: config.maxAttempts,
      maxFileSize: config.maxFileSize,
      question: questionOf(config),
    },
    role: batchRole(config, env),
    expected: expectation(config.schema),
    results: new ResultsFile(config.results),
    budget: new Budget(config.budget, await listSessions(record.read, run.id), record.clock, run.workedMs),
    sessions: join(record.home, 'sessions'),
    scratch: await makeScratch(record.home, run.id),
    agent: { unusable: null, quota: null },
  }
}
