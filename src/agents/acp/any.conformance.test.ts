import { describeAgentConformance } from '../testing/index.ts'
import { anyAcpHarness } from './testing/harness.ts'

describeAgentConformance('any program by acp', anyAcpHarness)
