import { readInput, type ResultNote, type ResultsFile } from '../../programs/batch/index.ts'
import { batchProgram, expectation } from '../../programs/batch/index.ts'
import { newestOfSource, type RecordStore } from '../../record/index.ts'
import { questionOf, type BatchConfig } from './config.ts'

/** Where a file of a batch stands before anything is done. */
export interface FileState {
  readonly path: string
  /** Nothing is to be done for it. */
  readonly done: boolean
  /**
   * `current`: its result is about this very content. `found`: it has a result that Belay knows nothing of, which is kept.
   * `new`: no result. `edited`: the result is about other content. `unfit`: the result does not fit the schema.
   */
  readonly why: 'current' | 'found' | 'new' | 'edited' | 'unfit'
  /** Digest of the content now; null when it was not looked at, or cannot be sent. */
  readonly digest: string | null
  /** The result answers another prompt or schema than the batch has now. */
  readonly otherQuestion: boolean
}

export interface Batch {
  readonly config: BatchConfig
  /** Id of the project that the batch belongs to. */
  readonly project: string
}

/** Looks at every file and its result. `record` is null when there is none yet. Reads only; throws `results_invalid`. */
export async function lookAtFiles(
  record: RecordStore | null,
  { config, project }: Batch,
  results: ResultsFile,
  paths: readonly string[],
): Promise<FileState[]> {
  const outputs = await results.read()
  const of = { project, program: batchProgram.name, path: config.file }
  const notes = record === null ? new Map<string, never>() : await newestOfSource(record.read, of, 'result')
  const expected = expectation(config.schema)
  const question = questionOf(config)
  const states: FileState[] = []
  for (const path of paths) {
    const state = { path, done: false, digest: null, otherQuestion: false }
    if (!outputs.has(path)) {
      states.push({ ...state, why: 'new' })
    } else if ('problems' in expected.check(outputs.get(path))) {
      states.push({ ...state, why: 'unfit' })
    } else {
      const note = notes.get(path)?.data as ResultNote | undefined
      const input = await readInput(config.root, path, config.maxFileSize)
      const digest = input.kind === 'text' ? input.digest : null
      if (digest === null || (note !== undefined && note.digest !== digest))
        states.push({ ...state, digest, why: 'edited' })
      else if (note === undefined) states.push({ ...state, digest, done: true, why: 'found' })
      else {
        const otherQuestion = note.question !== null && note.question !== question
        states.push({ path, done: true, why: 'current', digest, otherQuestion })
      }
    }
  }
  return states
}
