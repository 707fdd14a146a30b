import { describeAgentConformance } from '../testing/index.ts'
import { piHarness } from './testing/harness.ts'

describeAgentConformance('pi', piHarness)
