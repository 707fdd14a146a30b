import { NETWORK } from './network.ts'
import { describeEscapes } from './suite.ts'

describeEscapes('network', NETWORK)
