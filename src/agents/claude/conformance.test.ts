import { describeAgentConformance } from '../testing/index.ts'
import { claudeHarness } from './testing/harness.ts'

describeAgentConformance('claude', claudeHarness)
