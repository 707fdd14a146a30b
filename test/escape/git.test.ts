import { GIT } from './git.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('git', GIT)
