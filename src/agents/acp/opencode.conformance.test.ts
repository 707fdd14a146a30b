import { describeAgentConformance } from '../testing/index.ts'
import { opencodeAcpHarness } from './testing/harness.ts'

describeAgentConformance('opencode by acp', opencodeAcpHarness)
