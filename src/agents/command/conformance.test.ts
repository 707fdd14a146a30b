import { describeAgentConformance } from '../testing/index.ts'
import { commandHarness } from './testing/harness.ts'

describeAgentConformance('command', commandHarness)
