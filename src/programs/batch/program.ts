import { buildProgram } from '../../kernel/index.ts'
import { persist } from './persist.ts'
import { prepare } from './prepare.ts'
import { processFile } from './process.ts'
import type { BatchServices } from './services.ts'

/** One structured answer per file, in one results file. */
export const batchProgram = buildProgram<BatchServices>('batch', 'prepare', { prepare, process: processFile, persist })
