import { describeAgentConformance } from '../testing/index.ts'
import { codexAcpHarness } from './testing/harness.ts'

describeAgentConformance('codex by acp', codexAcpHarness)
