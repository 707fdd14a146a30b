import { describeAgentConformance } from '../testing/index.ts'
import { engineHarness } from './testing/harness.ts'

describeAgentConformance('engine', engineHarness)
