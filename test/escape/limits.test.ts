import { LIMITED } from './limits.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('limits', LIMITED)
