import { PRIVILEGES } from './privileges.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('privileges', PRIVILEGES)
