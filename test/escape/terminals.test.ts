import { TERMINALS } from './terminals.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('terminals', TERMINALS)
