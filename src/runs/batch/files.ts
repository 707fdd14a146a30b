import { readInput, type ResultNote, type ResultsFile } from '../../programs/batch/index.ts'
import { batchProgram, expectation } from '../../programs/batch/index.ts'
import { newestOfSource, type RecordStore } from '../../record/index.ts'
import { questionOf, type BatchConfig } from './config.ts'

/** The state of a file of a batch before anything is done. */
export interface FileState {
  readonly path: string
  /** Nothing is to be done for this file. */
  readonly done: boolean
  /**
   * `current`: its result is for its present content. `found`: it has a result that Belay did not write, which is kept. `new`:
   * it has no result. `edited`: the result is for other content, or the file cannot be sent now. `unfit`: the result does not
   * fit the schema.
   */
  readonly why: 'current' | 'found' | 'new' | 'edited' | 'unfit'
  /** Digest of the present content; null: the file was not read or cannot be sent. */
  readonly digest: string | null
  /** The result answers a prompt or schema that the batch no longer has. */
  readonly otherQuestion: boolean
}

export interface Batch {
  readonly config: BatchConfig
  /** Id of the project that the batch belongs to. */
  readonly project: string
}

/** Determines the state of every file. `record`: null if there is none yet. Only reads. Throws `results_invalid`. */
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
