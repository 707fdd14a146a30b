import { describeAgentConformance } from '../testing/index.ts'
import { codexHarness } from './testing/harness.ts'

describeAgentConformance('codex', codexHarness)
