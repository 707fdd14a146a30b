import { buildProgram } from '../../kernel/index.ts'
import { decide } from './decide.ts'
import { enter } from './enter.ts'
import { join } from './join.ts'
import type { WorkflowServices } from './services.ts'
import { wake } from './wake.ts'
import { work } from './work.ts'

/** What each step of a workflow goes through; which steps there are is what `walk` says. */
export const workflowProgram = buildProgram<WorkflowServices>('workflow', 'enter', { enter, work, decide, wake, join })
