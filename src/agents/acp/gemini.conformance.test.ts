import { describeAgentConformance } from '../testing/index.ts'
import { geminiHarness } from './testing/harness.ts'

describeAgentConformance('gemini by acp', geminiHarness)
