import { describeAgentConformance } from '../testing/index.ts'
import { claudeAcpHarness } from './testing/harness.ts'

describeAgentConformance('claude by acp', claudeAcpHarness)
