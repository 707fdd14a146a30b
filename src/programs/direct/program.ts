import { buildProgram } from '../../kernel/index.ts'
import { baseline } from './baseline.ts'
import { decide } from './decide.ts'
import { implement } from './implement.ts'
import { integrate } from './integrate.ts'
import { prepare } from './prepare.ts'
import { review } from './review.ts'
import type { DirectServices } from './services.ts'
import { verify } from './verify.ts'

/** One verified, reviewed commit per task, which the target branch follows. */
export const directProgram = buildProgram<DirectServices>('direct', 'prepare', {
  prepare,
  baseline,
  implement,
  verify,
  review,
  decide,
  integrate,
})
