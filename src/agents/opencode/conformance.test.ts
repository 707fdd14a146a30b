import { describeAgentConformance } from '../testing/index.ts'
import { opencodeHarness } from './testing/harness.ts'

describeAgentConformance('opencode', opencodeHarness)
