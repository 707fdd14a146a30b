import { buildProgram } from '../../kernel/index.ts'
import { decide } from './decide.ts'
import { enter } from './enter.ts'
import { join } from './join.ts'
import type { WorkflowServices } from './services.ts'
import { wake } from './wake.ts'
import { work } from './work.ts'

/** The phases of each workflow step; `walk` decides which steps there are. */
export const workflowProgram = buildProgram<WorkflowServices>('workflow', 'enter', { enter, work, decide, wake, join })
